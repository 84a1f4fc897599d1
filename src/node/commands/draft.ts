/** `run --draft DIR`: a run that was refused leaves the draft of an issue. */
import { join } from "node:path";
import { ConfigError, Interrupted } from "../../errors.ts";
import { mayHoldKey } from "../../plan/secrets.ts";
import { type Draft, renderDraft } from "../../report/drafts/issue.ts";
import { draftRefusal, withoutSecrets } from "../../report/drafts/refusal.ts";
import type { FlagRow } from "../command-line.ts";
import { save } from "../gate.ts";

export const DRAFT_FLAG: FlagRow = {
  flag: "draft",
  value: "DIR",
  help: "when the run is refused, leave the draft of an issue there",
};

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
      const words = withoutSecrets(args, (text) => mayHoldKey(text));
      const path = await saveDraft(dir, draftRefusal(error.message, words));
      process.stderr.write(`draft       ${path}\n`);
    }
    throw error;
  }
}

/** Writes a draft and beside it the body that `gh` is given; gives the draft's path. */
export async function saveDraft(dir: string, draft: Draft): Promise<string> {
  const path = join(dir, `${draft.name}.md`);
  const bodyPath = join(dir, `${draft.name}.body.md`);
  await save(bodyPath, draft.body);
  await save(path, renderDraft(draft, bodyPath));
  return path;
}
