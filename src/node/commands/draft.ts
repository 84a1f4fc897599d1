/** `run --draft DIR`: a run that was refused leaves the draft of an issue. Drafts are never overwritten. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { ConfigError, Interrupted } from "../../errors.ts";
import { OPTIONS } from "../../plan/option-table.ts";
import { mayHoldKey } from "../../plan/secrets.ts";
import { type Draft, renderDraft } from "../../report/drafts/issue.ts";
import { draftRefusal, withoutSecrets } from "../../report/drafts/refusal.ts";
import { capSummary } from "../../report/github.ts";
import type { FlagRow } from "../command-line.ts";
import { saveNew } from "../gate.ts";

export const DRAFT_FLAG: FlagRow = {
  flag: "draft",
  value: "DIR",
  help: "when the run is refused, leave the draft of an issue there",
};

/** GitHub takes 65,536 characters as the text of an issue, a pull request or a comment. */
export const MOST_BODY_BYTES = 65_000;
const MOST_OF_A_NAME = 1_000;

/** Does the work; when it is refused, leaves a draft and lets the refusal pass on. */
export async function draftIfRefused(
  dir: string,
  args: readonly string[],
  work: () => Promise<number>,
): Promise<number> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof ConfigError && !(error instanceof Interrupted)) {
      await leaveDraft(dir, args, error.message);
    }
    throw error;
  }
}

/** A draft that can't be written must not hide why the run was refused. */
async function leaveDraft(dir: string, args: readonly string[], message: string): Promise<void> {
  const shown = (texts: readonly string[]) => withoutSecrets(texts, (text) => mayHoldKey(text));
  const draft = draftRefusal(message, shown(args), shown(variablesOf(process.env)));
  try {
    process.stderr.write(`draft       ${await saveDraft(dir, draft)}\n`);
  } catch (cause) {
    if (!(cause instanceof ConfigError)) throw cause;
    process.stderr.write(`no draft    ${cause.message}\n`);
  }
}

/** The options that came by the environment, as `NAME=text`. */
function variablesOf(environment: Readonly<Record<string, string | undefined>>): readonly string[] {
  return Object.values(OPTIONS).flatMap(({ variable }) => {
    const text = variable === undefined ? undefined : environment[variable];
    return text ? [`${variable}=${text}`] : [];
  });
}

/**
 * Writes a draft and beside it the body that `gh` is given; gives the draft's path. What is there
 * already, perhaps edited by hand, stays: the same text is not written twice, another gets a number.
 */
export async function saveDraft(dir: string, draft: Draft): Promise<string> {
  const body = capSummary(draft.body, MOST_BODY_BYTES);
  for (let i = 1; i <= MOST_OF_A_NAME; i++) {
    const name = i === 1 ? draft.name : `${draft.name}-${i}`;
    const path = join(dir, `${name}.md`);
    const bodyPath = join(dir, `${name}.body.md`);
    const text = renderDraft({ ...draft, body }, bodyPath);
    if ((await readThere(path)) === text) return path;
    if ((await saveNew(bodyPath, body)) && (await saveNew(path, text))) return path;
  }
  throw new ConfigError(`\`${dir}\` has ${MOST_OF_A_NAME} drafts named \`${draft.name}\``);
}

async function readThere(path: string): Promise<string | null> {
  try {
    return await readFile(path, "utf8");
  } catch {
    // Not there: to be written.
    return null;
  }
}
