/** What a person asked to load by pods, read as far as it can be without a cluster. */
import { ConfigError } from "../../errors.ts";
import { OPTIONS, type OptionName } from "../../plan/option-table.ts";
import { optionLabel, readSwitch } from "../../plan/options.ts";
import { buildPlan, type Plan } from "../../plan/plan.ts";
import { openingMs, readStartAt } from "../../plan/start.ts";
import { type Asked, readAsked } from "../asked.ts";
import type { FlagRow } from "../command-line.ts";
import { refuseByText } from "../guard/refuse.ts";
import { leadOf } from "../preflight/times.ts";
import { makeRunId } from "../run/run-id.ts";
import { drawSeed } from "../seed.ts";
import { pinnedVersion } from "../setup/version.ts";
import { readVersion } from "../version.ts";
import { type Engine, type JobRequest, jobName } from "./job.ts";

/** Unless it asks for more: a pod has what it asks for, and not the cores of this machine. */
export const CORES_OF_POD = 1;
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
const PASSED_ON: readonly OptionName[] = [
  "epoch",
  "poolsLimit",
  "relayNote",
  "relayMetrics",
  "audit",
  "force",
];

/** What is asked of pods, whatever the plan that they load. */
export interface Pods extends Omit<JobRequest, "plan" | "runId" | "name" | "startAtMs" | "nowMs"> {
  readonly startAtMs: number | null;
  /** From making them to the start, ms; `null`: as long as it is expected to take. */
  readonly leadMs: number | null;
}

/** Throws `ConfigError` for what pods can't be told, or must not be. */
export async function readJob(
  words: readonly string[],
  flags: Flags,
  nowMs: number,
): Promise<JobRequest> {
  const asked = await readAsked(words, flags, process.env);
  const pods = readPods(asked, flags);
  const { scenario, texts } = asked;
  return jobOfPods(pods, buildPlan(scenario, texts, drawSeed(scenario), CORES_OF_POD), nowMs);
}

export function readPods({ texts, given }: Asked, flags: Flags): Pods {
  refuseForPods({ texts, given }, flags);
  const claim = flags["pool-claim"];
  const engine = readEngine(flags.engine);
  return {
    engine,
    startAtMs: readStartAt(texts.startAt),
    leadMs: readLead(flags.lead),
    image:
      flags.image ??
      (engine === "job" ? `k6-nostr:${readVersion()}` : `grafana/k6:${pinnedVersion}`),
    namespace: flags.namespace,
    secret: flags.secret,
    poolClaim: claim === undefined ? undefined : { name: claim, path: texts.pool ?? "" },
    hostNetwork: flags["host-network"] !== undefined,
    more: Object.fromEntries(
      PASSED_ON.flatMap((name) => {
        const { variable, value } = OPTIONS[name];
        const isOff = value === undefined && !readSwitch(texts, name);
        const text = texts[name];
        return variable === undefined || text === undefined || isOff ? [] : [[variable, text]];
      }),
    ),
  };
}

/** The Job, or what else makes pods, of one run. Throws `ConfigError` for a plan that no pods can load. */
export function jobOfPods({ leadMs, ...pods }: Pods, plan: Plan, nowMs: number): JobRequest {
  refuseByText(plan);
  if (plan.instances === 1) {
    throw new ConfigError(`${optionLabel("instances")} must be 2 or more: one is \`k6-nostr run\``);
  }
  const runId = makeRunId();
  const isMade = pods.poolClaim !== undefined;
  const startAtMs = pods.startAtMs ?? nowMs + (leadMs ?? expectedLeadMs(plan, isMade));
  return { ...pods, plan, runId, name: jobName(runId), startAtMs, nowMs };
}

function readEngine(text = "job"): Engine {
  if (text === "job" || text === "k6-operator") return text;
  throw new ConfigError(`--engine must be job or k6-operator, got \`${text.slice(0, 20)}\``);
}

/** What signing and connecting take comes to it. */
function expectedLeadMs(plan: Plan, isMade: boolean): number {
  return 1_000 * (LEAD_SEC + leadOf(plan, isMade).beginSec) + openingMs(plan);
}

function readLead(text: string | undefined): number | null {
  if (text === undefined) return null;
  if (/^[1-9]\d{0,4}$/.test(text)) return Number(text) * 1_000;
  throw new ConfigError(
    `--lead must be whole seconds from 1 to 99999, got \`${text.slice(0, 20)}\``,
  );
}

function refuseForPods({ texts, given }: Pick<Asked, "texts" | "given">, flags: Flags): void {
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
  if (/[?@]/.test(texts.relayMetrics ?? "")) {
    throw new ConfigError(
      `${optionLabel("relayMetrics")} would stand in the Job for all to read: leave out what is behind \`?\`, and who asks`,
    );
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
