/** `--resume`: the search of a folder that goes on, if it is the one that is asked for. */

import type { SearchSettings } from "../../capacity/result.ts";
import { ConfigError } from "../../errors.ts";
import { Journal, type JournalHead } from "./journal.ts";

interface Going {
  /** Where its journal lies. */
  readonly dir: string;
  readonly scenario: string;
  readonly settings: Pick<SearchSettings, "scale">;
  readonly isScaleGiven: boolean;
  /** There is another relay beside it. */
  readonly isNamed: boolean;
}

/** Throws `ConfigError` where there is no search that could go on as it is asked for. */
export async function searchToGoOn(
  { dir, scenario, settings, isNamed, isScaleGiven }: Going,
  config: JournalHead["config"],
): Promise<NonNullable<Awaited<ReturnType<typeof Journal.last>>>> {
  const last = await Journal.last(dir);
  if (last === null) throw new ConfigError(`--resume: there is no search in \`${dir}\``);
  const { head } = last.journal;
  const isSame = (a: object, b: object) => JSON.stringify(a) === JSON.stringify(b);
  const { seed: _, ...was } = head.config.options;
  const { seed: __, ...is } = config.options;
  const newest = `--resume: the newest search in \`${dir}\``;
  if (
    head.scenario !== scenario ||
    !isSame(was, is) ||
    !isSame(head.config.relays, config.relays) ||
    (isScaleGiven && head.settings.scale !== settings.scale)
  ) {
    throw new ConfigError(
      `${newest} is another one (\`${head.scenario} --scale ${head.settings.scale}\`, ${head.config.relays.join(", ")}); give the same relay and options`,
    );
  }
  if (head.isOfTwo !== undefined && head.isOfTwo !== isNamed) {
    throw new ConfigError(
      head.isOfTwo
        ? `${newest} has a second relay: give it with --against again`
        : `${newest} has no second relay: leave --against out, or begin anew without --resume`,
    );
  }
  return last;
}
