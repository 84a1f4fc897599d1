/** `k6-nostr issues FILE`: drafts from a report. They are files; nothing is sent anywhere. */
import { appendFile, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { ConfigError } from "../../errors.ts";
import { draftLayout, type HandoffNote, handoffNotes } from "../../report/drafts/handoff.ts";
import { draftIssues } from "../../report/drafts/issue.ts";
import { renderPullRequest } from "../../report/drafts/pr-body.ts";
import type { Report } from "../../report/types.ts";
import { EXIT } from "../../report/verdict.ts";
import { type FlagRow, parseCommandLine } from "../command-line.ts";
import { save } from "../gate.ts";
import { loadReport } from "../load-report.ts";
import { saveDraft } from "./draft.ts";
import { describeFlags, HELP_FLAG } from "./help.ts";

const FLAGS: readonly FlagRow[] = [
  { flag: "out", value: "DIR", help: "where drafts are written (default: issues/ beside FILE)" },
  { flag: "pr-body", value: "FILE", help: "write the text of a pull request" },
  {
    flag: "handoff",
    value: "DIR",
    help: "repository to leave notes in, where it has such folders",
  },
  HELP_FLAG,
];

const USAGE = `k6-nostr issues FILE [flags]

Writes a Markdown draft for each finding of severity minor and up, with the line that files it.
Nothing is sent anywhere.

${describeFlags(FLAGS)}`;

export async function issues(args: readonly string[]): Promise<number> {
  const { flags, words } = parseCommandLine(args, FLAGS);
  if (flags.help) {
    process.stdout.write(USAGE);
    return EXIT.ok;
  }
  const [path, ...rest] = words;
  if (path === undefined || rest.length > 0) throw new ConfigError("usage: k6-nostr issues FILE");
  const report = await loadReport(path);
  const out = flags.out ?? join(dirname(path), "issues");
  const drafts = draftIssues(report);
  for (const draft of drafts) say("draft", await saveDraft(out, draft));
  if (drafts.length === 0) say("draft", "none: no finding of severity minor or above");
  const body = flags["pr-body"];
  if (body !== undefined) {
    await save(body, renderPullRequest(report));
    say("pr body", body);
  }
  if (flags.handoff !== undefined) await handOff(report, flags.handoff, out);
  return EXIT.ok;
}

async function handOff(report: Report, root: string, out: string): Promise<void> {
  if ((await kindOf(root)) !== "folder") {
    throw new ConfigError(`--handoff must be a folder that is there, got \`${root}\``);
  }
  const missing: HandoffNote[] = [];
  for (const note of handoffNotes(report)) {
    const path = join(root, note.path);
    if ((await kindOf(join(root, note.needs))) !== (note.appends ? "file" : "folder")) {
      missing.push(note);
      say("not there", `${note.needs}; would have written ${note.path}`);
      continue;
    }
    if (note.appends) await appendFile(path, note.text);
    else await save(path, note.text);
    say("handoff", path);
  }
  if (missing.length > 0) say("draft", await saveDraft(out, draftLayout(missing)));
}

async function kindOf(path: string): Promise<"file" | "folder" | null> {
  try {
    return (await stat(path)).isDirectory() ? "folder" : "file";
  } catch {
    // Not there, which the caller says.
    return null;
  }
}

function say(what: string, text: string): void {
  process.stdout.write(`${what.padEnd(11)} ${text}\n`);
}
