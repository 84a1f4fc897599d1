/** What a pod's status says of an instance (core/v1, Kubernetes 1.33): where it is, and in a line why it will not do. */

/** As much of a pod as is read. */
export interface PodObject {
  readonly metadata: {
    readonly name: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly deletionTimestamp?: string;
  };
  readonly spec: { readonly nodeName?: string };
  readonly status: {
    readonly phase?: string;
    readonly reason?: string;
    readonly message?: string;
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
  /** Unix ms. */
  readonly endedMs: number | null;
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

export function podOf({ metadata, spec, status }: PodObject): Pod {
  const { phase, conditions = [], containerStatuses = [] } = status;
  const containers = [...(status.initContainerStatuses ?? []), ...containerStatuses];
  const states = containers.flatMap(({ state }) => state ?? []);
  const own = { name: metadata.name, index: indexOf(metadata.labels ?? {}) };
  const bad = states.find(({ terminated }) => terminated && terminated.exitCode !== 0)?.terminated;
  if (phase === "Succeeded" || phase === "Failed") {
    const last = states.at(-1)?.terminated;
    const endedMs = timeOf((bad ?? last)?.finishedAt);
    const why = phase === "Failed" ? whyEnded(status, bad) : null;
    const saysItself = why !== null && /^exit \d+$/.test(why);
    return { ...own, state: "ended", why, isHopeless: false, saysItself, endedMs };
  }
  const isRunning = containerStatuses.some(({ state }) => state?.running);
  const still = { ...own, isHopeless: false, saysItself: false, endedMs: null };
  if (isRunning && conditions.some(isUnheard)) {
    const why = `its node \`${spec.nodeName}\` answers no more`;
    return { ...still, state: "lost", why };
  }
  if (isRunning) return { ...still, state: "running", why: null };
  const waiting = states.find((state) => state.waiting)?.waiting;
  const hopeless = HOPELESS[waiting?.reason ?? ""];
  if (hopeless !== undefined) {
    const why = `${hopeless} (${waiting?.reason}: ${clip(waiting?.message)})`;
    return { ...still, state: "waiting", why, isHopeless: true };
  }
  const unscheduled = conditions.find(
    ({ type, status: is }) => type === "PodScheduled" && is === "False",
  );
  const why = unscheduled ? `no node takes it (${clip(unscheduled.message)})` : null;
  return { ...still, state: "waiting", why };
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
