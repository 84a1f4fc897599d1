/**
 * The Indexed Job of a run: a pod for each instance, each with `k6-nostr share`. As text alone: nothing is asked of a
 * cluster. Its members follow what Kubernetes was seen to do (batch/v1, 1.33):
 *
 * - A dead instance is not started again, as it would send its share twice, and takes no other one with it:
 *   `backoffLimitPerIndex` 0 with `maxFailedIndexes` N. With `backoffLimit: 0` one death deletes all pods and their logs.
 * - A Job whose node is lost never ends by itself: `activeDeadlineSeconds`.
 * - Requests are limits, so that a pod gets what its figures are held against.
 * - `enableServiceLinks` would make each Service of the namespace a variable of the script.
 */
import { ConfigError } from "../../errors.ts";
import { mostSeconds } from "../../plan/duration.ts";
import { eventsNeeded, type Plan } from "../../plan/plan.ts";
import { SCENARIOS } from "../../plan/scenarios.ts";
import { planVariables } from "../../plan/variables.ts";
import type { Manifest } from "./made.ts";

/** Room behind what a run takes at most: to end pods, and to read their logs. */
const SPARE_SEC = 120;
/** Logs are there so long, for whoever reads them again. */
const KEPT_SEC = 3_600;
/** Of Node, k6 and its script; and of a connection, as preflight has it. */
export const BASE_MIB = 512;
export const MIB_PER_CONNECTION = 0.1;
/** k6 holds a pool's file six times over at its peak; an event of the default mix has a kilobyte. */
export const MIB_PER_EVENT = 0.006;
const USER = 65_532;

/** What makes pods of a plan: Kubernetes' own Jobs, or k6's operator. */
export type Engine = "job" | "k6-operator";

export interface JobRequest {
  readonly engine: Engine;
  readonly plan: Plan;
  readonly runId: string;
  /** Of all that is made. */
  readonly name: string;
  readonly startAtMs: number;
  readonly nowMs: number;
  readonly image: string;
  readonly namespace: string | undefined;
  /** A Secret of the namespace whose members become variables: what nobody should read in a Job. */
  readonly secret: string | undefined;
  /** A claim that holds a pool, and the pool's folder in it. */
  readonly poolClaim: { readonly name: string; readonly path: string } | undefined;
  /** Pods have their node's network: the source address is the node's, and ports are shared. */
  readonly hostNetwork: boolean;
  /** Variables of the run that are no part of its plan. */
  readonly more: Readonly<Record<string, string>>;
}

/** The manifest as an object; `kubectl apply -f -` takes it as JSON. Throws `ConfigError`. */
export function jobOf(request: JobRequest): Manifest {
  const { plan, name, startAtMs, nowMs, namespace } = request;
  refuseSecrets(plan);
  const leadSec = Math.max(0, Math.ceil((startAtMs - nowMs) / 1_000));
  const labels = labelsOf(name);
  return {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: { name, ...(namespace === undefined ? {} : { namespace }), labels },
    spec: {
      completionMode: "Indexed",
      completions: plan.instances,
      parallelism: plan.instances,
      backoffLimitPerIndex: 0,
      maxFailedIndexes: plan.instances,
      podReplacementPolicy: "Failed",
      activeDeadlineSeconds: leadSec + mostSeconds(plan) + SPARE_SEC,
      ttlSecondsAfterFinished: KEPT_SEC,
      template: { metadata: { labels }, spec: podOf(request, labels) },
    },
  };
}

export function labelsOf(name: string): Readonly<Record<string, string>> {
  return { "app.kubernetes.io/name": "k6-nostr", "app.kubernetes.io/instance": name };
}

/** A name that Kubernetes takes (RFC 1123), of a run. */
export function jobName(runId: string): string {
  return `k6-nostr-${runId.toLowerCase().replace(/[^a-z0-9-]/g, "-")}`.slice(0, 52);
}

function podOf(request: JobRequest, matchLabels: Readonly<Record<string, string>>): object {
  const { plan, image, secret, hostNetwork } = request;
  // Of a relay that is elsewhere k6 reads the pool itself.
  const mibOfPool =
    SCENARIOS[plan.scenario].pool === "none" ? 0 : MIB_PER_EVENT * eventsNeeded(plan);
  const mibOfAll = MIB_PER_CONNECTION * plan.clients + mibOfPool;
  const mib = Math.ceil(BASE_MIB + mibOfAll / plan.instances);
  const resources = { cpu: String(plan.cores ?? 1), memory: `${mib}Mi` };
  return {
    restartPolicy: "Never",
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    terminationGracePeriodSeconds: 45,
    ...(hostNetwork ? { hostNetwork: true, dnsPolicy: "ClusterFirstWithHostNet" } : {}),
    securityContext: { ...POD_SECURITY, fsGroup: USER },
    topologySpreadConstraints: spreadOver(matchLabels),
    containers: [
      {
        name: "k6-nostr",
        image,
        imagePullPolicy: "IfNotPresent",
        workingDir: "/data",
        command: ["node", "/app/bin/k6-nostr.mjs", "share", plan.scenario],
        env: variablesOf(request).map(([name, value]) => ({ name, value })),
        ...(secret === undefined ? {} : { envFrom: [{ secretRef: { name: secret } }] }),
        resources: { requests: resources, limits: resources },
        securityContext: SECURITY,
        volumeMounts: mountsOf(request),
      },
    ],
    volumes: volumesOf(request),
  };
}

export const POD_SECURITY = {
  runAsNonRoot: true,
  runAsUser: USER,
  runAsGroup: USER,
  seccompProfile: { type: "RuntimeDefault" },
} as const;

export const SECURITY = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ["ALL"] },
} as const;

export function spreadOver(matchLabels: Readonly<Record<string, string>>): readonly object[] {
  return [
    {
      maxSkew: 1,
      topologyKey: "kubernetes.io/hostname",
      whenUnsatisfiable: "ScheduleAnyway",
      labelSelector: { matchLabels },
    },
  ];
}

/** Of mounts and volumes alike. */
interface Named {
  readonly name: "data" | "pool";
  readonly [member: string]: unknown;
}

export function mountsOf({ poolClaim }: JobRequest): readonly Named[] {
  const data: Named = { name: "data", mountPath: "/data" };
  const pool: Named = { name: "pool", mountPath: "/pool", readOnly: true };
  return poolClaim === undefined ? [data] : [data, pool];
}

export function volumesOf({ poolClaim }: JobRequest): readonly Named[] {
  const data: Named = { name: "data", emptyDir: {} };
  if (poolClaim === undefined) return [data];
  const persistentVolumeClaim = { claimName: poolClaim.name, readOnly: true };
  return [data, { name: "pool", persistentVolumeClaim }];
}

/** All that a pod is told; `JOB_COMPLETION_INDEX` comes from Kubernetes, by the annotation of each pod. */
export function variablesOf(request: JobRequest): readonly (readonly [string, string])[] {
  const { plan, poolClaim } = request;
  const all = {
    ...planVariables(plan),
    ...request.more,
    REPORT_DIR: "",
    CORES: String(plan.cores ?? 1),
    START_AT: String(request.startAtMs),
    RUN_ID: request.runId,
    // The only folder that can be written.
    HOME: "/data",
    TMPDIR: "/data",
    ...(poolClaim === undefined ? {} : { POOL: `/pool/${poolClaim.path}` }),
  };
  return Object.entries(all).filter(([, value]) => value !== "");
}

/** Whoever may read a namespace's pods may read the variables of a Job. */
export function refuseSecrets({ headers, relays }: Plan): void {
  if (headers.some(({ value }) => value !== "")) {
    throw new ConfigError(
      "values of headers would stand in the Job for all to read: put RELAY_HEADERS into a Secret of the namespace, and name that with --secret",
    );
  }
  if (relays.some(({ path }) => path.includes("?"))) {
    throw new ConfigError(
      "the query of a relay's URL would stand in the Job for all to read: give it as a header, by a Secret (--secret)",
    );
  }
}
