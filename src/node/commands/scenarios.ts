/** `k6-nostr scenarios`: what `run` can do. */
import { ConfigError } from "../../errors.ts";
import { PLANNED_SCENARIOS } from "../../plan/scenarios.ts";
import { EXIT } from "../../report/verdict.ts";
import { parseCommandLine } from "../command-line.ts";
import { describeFlags, describeScenarios, HELP_FLAG } from "./help.ts";

export async function scenarios(args: readonly string[]): Promise<number> {
  const { flags, words } = parseCommandLine(args, [HELP_FLAG]);
  if (words.length > 0) throw new ConfigError(`unexpected \`${words[0]}\` behind \`scenarios\``);
  process.stdout.write(
    flags.help
      ? `k6-nostr scenarios\n\nNames what \`run\` can do.\n\n${describeFlags([HELP_FLAG])}`
      : `${describeScenarios()}\nk6-nostr run <scenario> --help says what each takes. Still to come: ${PLANNED_SCENARIOS.join(", ")}.\n`,
  );
  return EXIT.ok;
}
