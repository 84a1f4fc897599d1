/**
 * k6's operator as far as it can be had here: its own code is not built. A schema with the fields that its TestRun has
 * (k6.io/v1alpha1, operator 1.6), and the Jobs that it makes of one: a Job for each pod, numbered from 1, its command line
 * for k6, paused until a starter asks each to go on.
 */
import type { Manifest } from "../../src/node/kubernetes/made.ts";

const TEXT = { type: "string" };
const WHOLE = { type: "integer" };
const SWITCH = { type: "boolean" };
const TEXTS = { type: "array", items: TEXT };
/** A type of core/v1: its own rules are those of Pods. */
const CORE = { type: "object", "x-kubernetes-preserve-unknown-fields": true };
const CORES = { type: "array", items: CORE };
const objectOf = (properties: object) => ({ type: "object", properties });

const POD = {
  ...{ affinity: CORE, automountServiceAccountToken: TEXT, env: CORES, envFrom: CORES },
  ...{ image: TEXT, imagePullPolicy: TEXT, imagePullSecrets: CORES, metadata: CORE },
  ...{ nodeSelector: CORE, tolerations: CORES, topologySpreadConstraints: CORES, resources: CORE },
  ...{ serviceAccountName: TEXT, securityContext: CORE, containerSecurityContext: CORE },
  ...{ readinessProbe: CORE, livenessProbe: CORE, initContainers: CORES, volumes: CORES },
  ...{ volumeMounts: CORES, priorityClassName: TEXT, schedulerName: TEXT },
};

const CONFIG_MAP = objectOf({ name: TEXT, file: TEXT });
const VOLUME_CLAIM = objectOf({ name: TEXT, file: TEXT, readOnly: SWITCH });

const SPEC = {
  ...objectOf({
    script: objectOf({ configMap: CONFIG_MAP, volumeClaim: VOLUME_CLAIM, localFile: TEXT }),
    ...{ parallelism: WHOLE, args: TEXTS, arguments: TEXT, separate: SWITCH, ports: CORES },
    ...{ quiet: TEXT, paused: TEXT, cleanup: TEXT, testRunId: TEXT, token: TEXT },
    initializer: objectOf({ ...POD, disabled: SWITCH }),
    ...{ starter: objectOf(POD), runner: objectOf(POD) },
  }),
  required: ["script", "parallelism"],
};

export const TEST_RUN_DEFINITION: object = {
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: { name: "testruns.k6.io" },
  spec: {
    group: "k6.io",
    scope: "Namespaced",
    names: { kind: "TestRun", listKind: "TestRunList", plural: "testruns", singular: "testrun" },
    versions: [
      {
        ...{ name: "v1alpha1", served: true, storage: true },
        schema: { openAPIV3Schema: objectOf({ spec: SPEC }) },
      },
    ],
  },
};

interface Runner {
  readonly env: readonly object[];
  readonly image: string;
  readonly livenessProbe: { readonly httpGet: object };
  readonly resources: object;
  readonly securityContext: object;
  readonly containerSecurityContext: object;
  readonly volumes: readonly object[];
  readonly volumeMounts: readonly object[];
}

export interface TestRunSpec {
  readonly parallelism: number;
  readonly args: readonly string[];
  readonly script: { readonly configMap: { readonly name: string; readonly file: string } };
  readonly runner: Runner;
}

/**
 * The Jobs of a TestRun. Pods here have one network together, so each k6 listens on a port of its own (`portOf`), and
 * not on 6565 of an address of its own.
 */
export function jobsOf(
  name: string,
  spec: TestRunSpec,
  portOf: (i: number) => number,
): readonly Manifest[] {
  const { parallelism, script, runner } = spec;
  const place = (i: number) =>
    i % parallelism === 0 ? `${i / parallelism}` : `${i}/${parallelism}`;
  const sequence = Array.from({ length: parallelism + 1 }, (_, i) => place(i)).join(",");
  return Array.from({ length: parallelism }, (_, at) => {
    const port = portOf(at);
    const labels = { app: "k6", k6_cr: name, runner: "true" };
    const command = [
      ...["k6", "run", "--quiet", `--execution-segment=${place(at)}:${place(at + 1)}`],
      ...[
        `--execution-segment-sequence=${sequence}`,
        ...spec.args,
        `/test/${script.configMap.file}`,
      ],
      ...[`--address=127.0.0.1:${port}`, "--paused"],
      ...["--tag", `instance_id=${at + 1}`, "--tag", `testrun_name=${name}`],
    ];
    const { httpGet, ...probe } = runner.livenessProbe;
    const container = {
      ...{ name: "k6", image: runner.image, command, env: runner.env },
      livenessProbe: { ...probe, httpGet: { ...httpGet, host: "127.0.0.1", port } },
      resources: runner.resources,
      securityContext: runner.containerSecurityContext,
      volumeMounts: [...runner.volumeMounts, { name: "script", mountPath: "/test" }],
    };
    const pod = {
      ...{ hostNetwork: true, restartPolicy: "Never", containers: [container] },
      automountServiceAccountToken: false,
      securityContext: runner.securityContext,
      volumes: [...runner.volumes, { name: "script", configMap: { name: script.configMap.name } }],
    };
    return {
      apiVersion: "batch/v1",
      kind: "Job",
      metadata: { name: `${name}-${at + 1}`, labels },
      spec: { backoffLimit: 0, template: { metadata: { labels }, spec: pod } },
    };
  });
}

/** As the starter does, once k6 listens; rejects after a minute without. */
export async function goOn(port: number): Promise<void> {
  const data = { attributes: { paused: false }, id: "default", type: "status" };
  for (const lastMs = Date.now() + 60_000; Date.now() < lastMs; ) {
    try {
      const { ok } = await fetch(`http://127.0.0.1:${port}/v1/status`, {
        method: "PATCH",
        body: JSON.stringify({ data }),
        headers: { "Content-Type": "application/json" },
      });
      if (ok) return;
    } catch {
      // It does not listen yet.
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error(`no k6 listens on ${port}`);
}
