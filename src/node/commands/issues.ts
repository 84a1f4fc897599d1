/** `k6-nostr issues FILE`: drafts from a report. They are files; nothing is sent anywhere. */
import { appendFile, readFile, realpath, stat } from "node:fs/promises";
import { dirname, isAbsolute, join, relative, sep } from "node:path";
import { ConfigError } from "../../errors.ts";
import {
  draftLayout,
  type HandoffNote,
  handoffNotes,
  knownHeading,
} from "../../report/drafts/handoff.ts";
import { draftIssues } from "../../report/drafts/issue.ts";
import { ghPullRequest, pullRequestNames, renderPullRequest } from "../../report/drafts/pr-body.ts";
import { capSummary } from "../../report/github.ts";
import type { Report } from "../../report/types.ts";
import { EXIT } from "../../report/verdict.ts";
import { type FlagRow, parseCommandLine } from "../command-line.ts";
import { save, saveNew } from "../gate.ts";
import { loadReport } from "../load-report.ts";
import { MOST_BODY_BYTES, saveDraft } from "./draft.ts";
import { describeFlags, HELP_FLAG } from "./help.ts";

const FLAGS: readonly FlagRow[] = [
  { flag: "dir", value: "DIR", help: "where drafts are written (default: issues/ beside FILE)" },
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
  const out = flags.dir ?? join(dirname(path), "issues");
  const drafts = draftIssues(report);
  for (const draft of drafts) say("draft", await saveDraft(out, draft));
  if (drafts.length === 0) say("draft", "none: no finding of severity minor or above");
  const body = flags["pr-body"];
  if (body !== undefined) {
    await save(body, capSummary(renderPullRequest(report), MOST_BODY_BYTES));
    say("pr body", body);
    for (const line of ghPullRequest(pullRequestNames(report), body).split("\n")) say("", line);
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
    const place = join(root, note.needs);
    if ((await kindOf(place)) !== (note.appends ? "file" : "folder")) {
      missing.push(note);
      say("not there", `${note.needs}; would have written ${note.path}`);
    } else if (!(await isWithin(root, place))) {
      say("left alone", `${note.needs} leads out of ${root}`);
    } else if (note.text === null) {
      say("no reason", `${note.path}: the run gives none`);
    } else {
      await leaveNote(join(root, note.path), note.text, note.appends ? knownHeading(report) : null);
    }
  }
  if (missing.length > 0) say("draft", await saveDraft(out, draftLayout(missing)));
}

/** What is there already stays as it is; to a file that has the heading nothing is added. */
async function leaveNote(path: string, text: string, heading: string | null): Promise<void> {
  if (heading === null) {
    say((await saveNew(path, text)) ? "handoff" : "kept", path);
    return;
  }
  const isKnown = (await readFile(path, "utf8")).split(/\r?\n/).includes(heading);
  if (!isKnown) await appendFile(path, text);
  say(isKnown ? "kept" : "handoff", path);
}

/** Whether a place is where its path says: a link may lead anywhere. */
async function isWithin(root: string, place: string): Promise<boolean> {
  const way = relative(await realpath(root), await realpath(place));
  return way !== ".." && !way.startsWith(`..${sep}`) && !isAbsolute(way);
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
