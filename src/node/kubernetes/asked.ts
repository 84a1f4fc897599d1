/** What a person asked to load by pods, read as far as it can be without a cluster. */
import { ConfigError } from "../../errors.ts";
import { OPTIONS, type OptionName } from "../../plan/option-table.ts";
import { optionLabel } from "../../plan/options.ts";
import { buildPlan, type Plan } from "../../plan/plan.ts";
import { openingMs, readStartAt } from "../../plan/start.ts";
import { type Asked, readAsked } from "../asked.ts";
import type { FlagRow } from "../command-line.ts";
import { CONFIG_FLAG } from "../config-file.ts";
import { refuseByText } from "../guard/refuse.ts";
import { leadOf } from "../preflight/times.ts";
import { makeRunId } from "../run/run-id.ts";
import { drawSeed } from "../seed.ts";
import { pinnedVersion } from "../setup/version.ts";
import { readVersion } from "../version.ts";
import { type Engine, type JobRequest, jobName } from "./job.ts";

/** To pull an image, to find nodes for all pods, to start Node. */
const LEAD_SEC = 60;

/** Beside the options of a plan. */
export const JOB_FLAGS: readonly FlagRow[] = [
  {
    flag: "engine",
    value: "NAME",
    default: "job",
    help: "job, or k6-operator: a TestRun with stock k6",
  },
  {
    flag: "image",
    value: "IMAGE",
    help: "image of k6-nostr (k6-operator: of k6), as the nodes know it",
  },
  { flag: "namespace", value: "NAME", help: "where the Job is made (default: kubectl's)" },
  {
    flag: "lead",
    value: "SEC",
    help: "from now to the start: image, scheduling and pool come out of it (default: computed)",
  },
  { flag: "secret", value: "NAME", help: "a Secret whose members become variables of each pod" },
  {
    flag: "pool-claim",
    value: "NAME",
    help: "a volume claim with a pool, --pool its folder there",
  },
  { flag: "host-network", help: "pods have the network of their nodes" },
  CONFIG_FLAG,
];

export type Flags = Readonly<Record<string, string | undefined>>;

/** What is a file or an address of this machine, or is of a run with a report of its own. */
const NOT_IN_A_POD: readonly OptionName[] = [
  "builders",
  "events",
  "ca",
  "relayPid",
  "instance",
  // k6 is told of them by its arguments, and a pod has one address.
  "localIps",
];

/** Options that no plan holds, and that an instance reads. */
const PASSED_ON: readonly OptionName[] = ["epoch", "poolsLimit", "relayNote", "force"];

/** Throws `ConfigError` for what pods can't be told, or must not be. */
export async function readJob(
  words: readonly string[],
  flags: Flags,
  nowMs: number,
): Promise<JobRequest> {
  const asked = await readAsked(words, flags, process.env);
  const { scenario, texts } = asked;
  refuseForPods(asked, flags);
  // A pod has the cores that it asks for, and not those of this machine.
  const plan = buildPlan(scenario, { cores: "1", ...texts }, drawSeed(scenario));
  refuseByText(plan);
  if (plan.instances === 1) {
    throw new ConfigError(`${optionLabel("instances")} must be 2 or more: one is \`k6-nostr run\``);
  }
  const claim = flags["pool-claim"];
  const engine = readEngine(flags.engine);
  const runId = makeRunId();
  return {
    engine,
    plan,
    runId,
    name: jobName(runId),
    startAtMs: readStartAt(texts.startAt) ?? nowMs + leadMs(plan, flags.lead, claim !== undefined),
    nowMs,
    image:
      flags.image ??
      (engine === "job" ? `k6-nostr:${readVersion()}` : `grafana/k6:${pinnedVersion}`),
    namespace: flags.namespace,
    secret: flags.secret,
    poolClaim: claim === undefined ? undefined : { name: claim, path: texts.pool ?? "" },
    hostNetwork: flags["host-network"] !== undefined,
    more: Object.fromEntries(
      PASSED_ON.flatMap((name) => {
        const { variable } = OPTIONS[name];
        const text = texts[name];
        return variable === undefined || text === undefined ? [] : [[variable, text]];
      }),
    ),
  };
}

function readEngine(text = "job"): Engine {
  if (text === "job" || text === "k6-operator") return text;
  throw new ConfigError(`--engine must be job or k6-operator, got \`${text.slice(0, 20)}\``);
}

/** Without `--lead` what signing and connecting are expected to take comes to it. */
function leadMs(plan: Plan, text: string | undefined, isMade: boolean): number {
  if (text === undefined) {
    return 1_000 * (LEAD_SEC + leadOf(plan, isMade).beginSec) + openingMs(plan);
  }
  if (/^[1-9]\d{0,4}$/.test(text)) return Number(text) * 1_000;
  throw new ConfigError(
    `--lead must be whole seconds from 1 to 99999, got \`${text.slice(0, 20)}\``,
  );
}

function refuseForPods({ texts, given }: Asked, flags: Flags): void {
  const own = NOT_IN_A_POD.find((name) => given.includes(name));
  if (own !== undefined) {
    throw new ConfigError(`${optionLabel(own)} is of one machine, and no pod has it; leave it out`);
  }
  const claim = flags["pool-claim"];
  if ((claim === undefined) !== (texts.pool === undefined)) {
    throw new ConfigError(
      `${optionLabel("pool")} and --pool-claim belong together: a folder of a volume that each pod has`,
    );
  }
  if (texts.pool !== undefined && !/^(?!.*\.\.)[\w.-][\w./-]*$/.test(texts.pool)) {
    throw new ConfigError(
      `${optionLabel("pool")} must be a folder within the claim, as \`pools/abc\``,
    );
  }
  if (!given.includes("instances")) {
    throw new ConfigError(`${optionLabel("instances")} is required: how many pods`);
  }
  const isDrawn = !given.includes("seed") && texts.pool === undefined;
  if (isDrawn && texts.corpus === undefined) {
    throw new ConfigError(`${optionLabel("seed")} is required: pods make their pool of it`);
  }
  for (const [flag, rule] of Object.entries(NAMES)) {
    const text = flags[flag];
    if (text !== undefined && !rule.test(text)) {
      throw new ConfigError(
        `--${flag} must be a name that Kubernetes takes, got \`${text.slice(0, 60)}\``,
      );
    }
  }
}

const LABEL = /^[a-z0-9](?:[a-z0-9.-]{0,61}[a-z0-9])?$/;
const NAMES: Readonly<Record<string, RegExp>> = {
  namespace: LABEL,
  secret: LABEL,
  "pool-claim": LABEL,
  image: /^[\w][\w./:@-]{0,254}$/,
};
