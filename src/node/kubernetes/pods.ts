/** What a pod's status says of an instance (core/v1, Kubernetes 1.33): where it is, and in a line why it will not do. */

/** As much of a pod as is read. */
export interface PodObject {
  readonly metadata: {
    readonly name: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly deletionTimestamp?: string;
  };
  readonly spec: {
    readonly nodeName?: string;
    readonly containers: readonly { readonly name: string }[];
  };
  readonly status: {
    readonly phase?: string;
    readonly reason?: string;
    readonly message?: string;
    readonly hostIP?: string;
    readonly conditions?: readonly Condition[];
    readonly containerStatuses?: readonly ContainerStatus[];
    readonly initContainerStatuses?: readonly ContainerStatus[];
  };
}

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
}

interface ContainerStatus {
  readonly name: string;
  readonly state?: {
    readonly waiting?: { readonly reason?: string; readonly message?: string };
    readonly running?: object;
    readonly terminated?: {
      readonly exitCode: number;
      readonly reason?: string;
      readonly finishedAt?: string;
    };
  };
}

export interface Pod {
  readonly name: string;
  /** The one that loads: others may have been put beside it. */
  readonly container: string;
  /** `null` where its labels do not say so. */
  readonly index: number | null;
  /** `lost`: its node answers no more, so nobody knows. */
  readonly state: "waiting" | "running" | "ended" | "lost";
  /** What keeps it from running, or ended it; `null` where nothing is wrong. */
  readonly why: string | null;
  /** It waits for what does not come by itself. */
  readonly isHopeless: boolean;
  /** It ended by its own code, so that its log knows more. */
  readonly saysItself: boolean;
  /** Somebody wants it gone. */
  readonly isDeleted: boolean;
  /** Unix ms. */
  readonly endedMs: number | null;
  /** Of its node; `null` as long as it has none. */
  readonly nodeAddress: string | null;
}

/** Reasons for which a container waits that no patience helps against (kubelet). */
const HOPELESS: Readonly<Record<string, string>> = {
  InvalidImageName: "its image has no valid name",
  ErrImageNeverPull: "its image is not on the node, and may not be pulled",
  ImagePullBackOff: "its image can't be had",
  CreateContainerConfigError: "it can't be set up",
  CreateContainerError: "its container can't be made",
  RunContainerError: "its container can't be started",
};

/** Ours, and what k6's operator calls its own. */
const LOADING: readonly string[] = ["k6-nostr", "k6"];

export function podOf({ metadata, spec, status }: PodObject): Pod {
  const { phase, conditions = [], containerStatuses = [], initContainerStatuses = [] } = status;
  const container = spec.containers.find(({ name }) => LOADING.includes(name))?.name ?? "";
  const own = {
    name: metadata.name,
    container,
    index: indexOf(metadata.labels ?? {}),
    isDeleted: metadata.deletionTimestamp !== undefined,
    nodeAddress: status.hostIP ?? null,
  };
  const state = containerStatuses.find(({ name }) => name === container)?.state;
  const terminated = state?.terminated;
  if (terminated !== undefined || phase === "Succeeded" || phase === "Failed") {
    const isWell = terminated?.exitCode === 0 && phase !== "Failed";
    const why = isWell ? null : whyEnded(status, terminated ?? failedOf(initContainerStatuses));
    const saysItself = why !== null && /^exit \d+$/.test(why);
    const endedMs = timeOf(terminated?.finishedAt);
    return { ...own, state: "ended", why, isHopeless: false, saysItself, endedMs };
  }
  const still = { ...own, isHopeless: false, saysItself: false, endedMs: null };
  if (state?.running && conditions.some(isUnheard)) {
    const why = `its node \`${spec.nodeName}\` answers no more`;
    return { ...still, state: "lost", why };
  }
  if (state?.running) return { ...still, state: "running", why: null };
  const waiting = [...initContainerStatuses, ...containerStatuses].find(
    (one) => HOPELESS[one.state?.waiting?.reason ?? ""] !== undefined,
  )?.state?.waiting;
  if (waiting !== undefined) {
    const why = `${HOPELESS[waiting.reason ?? ""]} (${waiting.reason}: ${clip(waiting.message)})`;
    return { ...still, state: "waiting", why, isHopeless: true };
  }
  const unscheduled = conditions.find(
    ({ type, status: is }) => type === "PodScheduled" && is === "False",
  );
  const why = unscheduled ? `no node takes it (${clip(unscheduled.message)})` : null;
  return { ...still, state: "waiting", why };
}

function failedOf(containers: readonly ContainerStatus[]): Terminated | undefined {
  return containers
    .flatMap(({ state }) => state?.terminated ?? [])
    .find(({ exitCode }) => exitCode !== 0);
}

/** Set by the controller of nodes, which leaves the reason as it was; a kubelet gives one. */
function isUnheard({ type, status, reason }: Condition): boolean {
  return type === "Ready" && status === "False" && reason === undefined;
}

/** Indexed Jobs number their pods; the operator has a Job for each, numbered from 1 on. */
function indexOf(labels: Readonly<Record<string, string>>): number | null {
  const index = labels["batch.kubernetes.io/job-completion-index"];
  if (index !== undefined) return Number(index);
  const job = /-(\d+)$/.exec(labels["batch.kubernetes.io/job-name"] ?? "")?.[1];
  return labels.k6_cr === undefined || job === undefined ? null : Number(job) - 1;
}

type Terminated = NonNullable<NonNullable<ContainerStatus["state"]>["terminated"]>;

function whyEnded(status: PodObject["status"], bad: Terminated | undefined): string {
  const { reason, message, conditions = [] } = status;
  if (reason === "Evicted") return `evicted (${clip(message)})`;
  if (reason === "DeadlineExceeded") return "its time was over";
  const disrupted = conditions.find(
    ({ type, status: is }) => type === "DisruptionTarget" && is === "True",
  );
  const by = disrupted ? `: ${clip(disrupted.message)}` : "";
  if (bad === undefined) return `failed (${reason ?? "no reason"}: ${clip(message)})${by}`;
  const named = bad.reason === undefined || bad.reason === "Error" ? "" : ` (${bad.reason})`;
  return `exit ${bad.exitCode}${named}${by}`;
}

function timeOf(text: string | undefined): number | null {
  const ms = Date.parse(text ?? "");
  return Number.isNaN(ms) ? null : ms;
}

function clip(text = ""): string {
  const line = text.trim().replace(/\s+/g, " ");
  return line.length > 240 ? `${line.slice(0, 239)}…` : line;
}
