/**
 * The TestRun of a run, for k6's operator (k6.io/v1alpha1, operator 1.6), and the ConfigMap of its script. Stock k6
 * loads, so the script's own gate is all there is: names can't be resolved, and the pool comes from a volume.
 *
 * - The initializer would put the whole pool into an archive, and refuse a plan with fewer VUs than pods.
 * - The pod that starts the others needs no token either, and a namespace may refuse one that could be root.
 * - The operator's own liveness probe ends a k6 that does not answer within a second three times in a row.
 */
import { ConfigError } from "../../errors.ts";
import { parseAddress } from "../../guard/address.ts";
import { noteEvery } from "../../measure/acknowledged.ts";
import { hasSay, optionLabel } from "../../plan/options.ts";
import { eventsNeeded, leadingRate } from "../../plan/plan.ts";
import {
  BASE_MIB,
  type JobRequest,
  labelsOf,
  MIB_PER_CONNECTION,
  MIB_PER_EVENT,
  mountsOf,
  POD_SECURITY,
  refuseSecrets,
  SECURITY,
  spreadOver,
  variablesOf,
  volumesOf,
} from "./job.ts";
import type { Manifest } from "./made.ts";

const SCRIPT = "script.js";
/** Variables that the script has no use for. */
const OF_NODE: readonly string[] = ["HOME", "TMPDIR", "AUDIT"];

/** `script`: the bundle of the plan's scenario. The first owns nothing; all bear one name. */
export function testRunOf(request: JobRequest, script: string): readonly Manifest[] {
  const { plan, name, namespace, secret } = request;
  refuseSecrets(plan);
  refuse(request);
  const metadata = {
    name,
    ...(namespace === undefined ? {} : { namespace }),
    labels: labelsOf(name),
  };
  const perPod = MIB_PER_CONNECTION * (plan.clients / plan.instances);
  const mib = Math.ceil(BASE_MIB + perPod + MIB_PER_EVENT * eventsNeeded(plan));
  const resources = { cpu: String(plan.cores ?? 1), memory: `${mib}Mi` };
  return [
    { apiVersion: "v1", kind: "ConfigMap", metadata, data: { [SCRIPT]: script } },
    {
      apiVersion: "k6.io/v1alpha1",
      kind: "TestRun",
      metadata,
      spec: {
        parallelism: plan.instances,
        script: { configMap: { name, file: SCRIPT } },
        args: ["--log-format", "raw"],
        initializer: { disabled: true },
        starter: {
          automountServiceAccountToken: "false",
          securityContext: POD_SECURITY,
          containerSecurityContext: SECURITY,
        },
        runner: {
          image: request.image,
          automountServiceAccountToken: "false",
          env: [...variablesOf(request), ["AUDIT_EVERY", noteEveryOf(request)] as const].flatMap(
            ([variable, value]) => (OF_NODE.includes(variable) ? [] : [{ name: variable, value }]),
          ),
          ...(secret === undefined ? {} : { envFrom: [{ secretRef: { name: secret } }] }),
          livenessProbe: {
            httpGet: { path: "/v1/status", port: 6565 },
            initialDelaySeconds: 30,
            periodSeconds: 30,
            timeoutSeconds: 10,
            failureThreshold: 20,
          },
          topologySpreadConstraints: spreadOver({ k6_cr: name }),
          resources: { requests: resources, limits: resources },
          securityContext: POD_SECURITY,
          containerSecurityContext: SECURITY,
          volumes: volumesOf(request).filter(({ name: volume }) => volume === "pool"),
          volumeMounts: mountsOf(request).filter(({ name: volume }) => volume === "pool"),
        },
      },
    },
  ];
}

/** Of accepted events one of so many is noted, to be read back behind the run. */
function noteEveryOf({ plan, more }: JobRequest): string {
  const events = leadingRate(plan) * (plan.warmupSec + plan.durationSec);
  return String(noteEvery(events, more.AUDIT !== undefined));
}

function refuse({ plan, poolClaim, hostNetwork, more }: JobRequest): void {
  if (!hasSay("pool", plan.scenario)) {
    throw new ConfigError(
      `\`${plan.scenario}\` sends what k6 alone can't make: leave --engine out, and pods of k6-nostr do`,
    );
  }
  if (poolClaim === undefined) {
    throw new ConfigError(
      "k6 alone makes no pool: put one into a volume, and name it with --pool-claim and --pool",
    );
  }
  if (hostNetwork) throw new ConfigError("a TestRun has no --host-network");
  if (more.RELAY_METRICS !== undefined) {
    throw new ConfigError(
      `${optionLabel("relayMetrics")} is read by k6-nostr, and k6 alone reads none`,
    );
  }
  const named = plan.relays.find(({ host }) => parseAddress(host) === undefined);
  if (named === undefined) return;
  throw new ConfigError(
    `k6 alone can't tell where \`${named.host}\` leads: give the relay's address, as \`kubectl get service\` shows it`,
  );
}
