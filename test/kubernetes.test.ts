/** The Job of a run, as text: what it must say so that each part is sent once, and what must not stand in it. */
import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { ConfigError } from "../src/errors.ts";
import { kubernetes } from "../src/node/commands/kubernetes.ts";
import { readInstance } from "../src/plan/instances.ts";
import { OPTIONS } from "../src/plan/option-table.ts";
import { collectOptions } from "../src/plan/options.ts";
import { buildPlan, type Plan, planText } from "../src/plan/plan.ts";

before(() => {
  for (const { variable } of Object.values(OPTIONS)) if (variable) delete process.env[variable];
});

const refusal = (pattern: RegExp) => (error: unknown) =>
  error instanceof ConfigError && pattern.test(error.message);
const LOAD = [
  "render",
  "publish",
  "--relay",
  "ws://relay.load.svc.cluster.local:7777",
  "--allow-private",
];
const THREE = [
  ...LOAD,
  "--instances",
  "3",
  "--clients",
  "30",
  "--rate",
  "90",
  "--duration",
  "20",
  "--seed",
  "7",
];

interface Container {
  readonly command: readonly string[];
  readonly env: readonly { readonly name: string; readonly value: string }[];
  readonly envFrom?: unknown;
  readonly resources: { readonly requests: unknown; readonly limits: unknown };
  readonly securityContext: unknown;
  readonly volumeMounts: unknown;
}
interface Job {
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly spec: Readonly<Record<string, unknown>> & {
    readonly template: {
      readonly spec: Readonly<Record<string, unknown>> & {
        readonly containers: readonly [Container];
      };
    };
  };
}

interface Made {
  readonly kind: string;
  readonly metadata: Job["metadata"];
}
interface List {
  readonly items: readonly [
    Made & { readonly data: Readonly<Record<string, string>> },
    Made & {
      readonly spec: Readonly<Record<string, unknown>> & {
        readonly runner: Readonly<Record<string, unknown>> &
          Pick<Container, "env"> & {
            readonly image: string;
          };
      };
    },
  ];
}

/** What the command prints. */
async function render(args: readonly string[]): Promise<Job> {
  const { write } = process.stdout;
  let text = "";
  process.stdout.write = ((part: string | Uint8Array) => {
    // The test runner speaks over the same stream, in bytes.
    if (typeof part !== "string") return write.call(process.stdout, part);
    text += part;
    return true;
  }) as typeof write;
  try {
    assert.equal(await kubernetes(args), 0);
  } finally {
    process.stdout.write = write;
  }
  return JSON.parse(text) as Job;
}

const variablesOf = ({ spec }: Job) =>
  Object.fromEntries(spec.template.spec.containers[0].env.map(({ name, value }) => [name, value]));

describe("the Job", () => {
  it("has a pod for each part, none of which is started again or takes another with it", async () => {
    const { spec, metadata } = await render([...THREE, "--namespace", "load"]);
    const { template, activeDeadlineSeconds, ...own } = spec;
    assert.deepEqual(own, {
      completionMode: "Indexed",
      completions: 3,
      parallelism: 3,
      backoffLimitPerIndex: 0,
      maxFailedIndexes: 3,
      podReplacementPolicy: "Failed",
      ttlSecondsAfterFinished: 3_600,
    });
    assert.equal(template.spec.restartPolicy, "Never");
    assert.equal(metadata.namespace, "load");
    assert.match(metadata.name, /^[a-z0-9][a-z0-9-]{0,50}[a-z0-9]$/);
    // Until the start, connecting in one wave, 20 s, answers, closing; and to read the logs.
    assert.ok(Number(activeDeadlineSeconds) > 60 + 20 + 120 && Number(activeDeadlineSeconds) < 400);
  });

  it("tells each pod the same plan, made for the cores that it asks for", async () => {
    const job = await render([
      ...THREE,
      "--cores",
      "2",
      "--warmup",
      "5",
      "--threshold",
      "nostr_connect_time: max<9",
    ]);
    const variables = variablesOf(job);
    const plans = ["0", "1", "2"].map((index): Plan => {
      const environment = { ...variables, JOB_COMPLETION_INDEX: index };
      const plan = buildPlan("publish", collectOptions({}, environment), "drawn", 64);
      assert.equal(readInstance(undefined, index, plan.instances), Number(index));
      return plan;
    });
    assert.equal(new Set(plans.map((plan) => planText(plan, "pool"))).size, 1);
    const [plan] = plans;
    assert.deepEqual(
      [plan?.clients, plan?.rateEps, plan?.warmupSec, plan?.seed, plan?.cores, plan?.vus],
      [30, 90, 5, "7", 2, 3],
    );
    assert.equal(plan?.thresholds[0]?.metric, "nostr_connect_time");
    const [container] = job.spec.template.spec.containers;
    assert.deepEqual(container.command.slice(-2), ["share", "publish"]);
    assert.deepEqual(container.resources.requests, { cpu: "2", memory: "518Mi" });
    assert.deepEqual(container.resources.limits, container.resources.requests);
  });

  it("tells all pods one seed where none is given", async () => {
    const seedOf = async () => variablesOf(await render(THREE.slice(0, -2))).SEED;
    assert.match((await seedOf()) ?? "", /^\d+$/);
    assert.notEqual(await seedOf(), await seedOf());
  });

  it("passes on what only a pod can do: an audit, and reading the relay's metrics", async () => {
    const own = { AUDIT: "1", RELAY_METRICS: "http://relay.load.svc.cluster.local:9090/metrics" };
    const asked = ["--audit", "--relay-metrics", own.RELAY_METRICS];
    const { AUDIT, RELAY_METRICS, ...rest } = variablesOf(await render([...THREE, ...asked]));
    assert.deepEqual({ AUDIT, RELAY_METRICS }, own);
    const plain = variablesOf(await render(THREE));
    assert.deepEqual(Object.keys(rest), Object.keys(plain));
  });

  it("begins when it is said to, or so long from now", async () => {
    const startOf = async (...more: string[]) =>
      Number(variablesOf(await render([...THREE, ...more])).START_AT);
    assert.equal(await startOf("--start-at", "1767225600000"), 1_767_225_600_000);
    const now = Date.now();
    const lead = (await startOf("--lead", "90")) - now;
    assert.ok(lead >= 90_000 && lead < 100_000, `${lead}`);
    // 60 s, a third of 1,848 events to sign at 1,000 a second, ten to connect, what opening them takes.
    const computed = (await startOf()) - now;
    assert.ok(computed >= 74_000 && computed < 84_000, `${computed}`);
  });

  it("asks for no right, no root and no token", async () => {
    const { spec } = (await render(THREE)).spec.template;
    const [container] = spec.containers;
    assert.equal(spec.automountServiceAccountToken, false);
    assert.equal(spec.enableServiceLinks, false);
    assert.equal(spec.hostNetwork, undefined);
    assert.equal(spec.serviceAccountName, undefined);
    assert.deepEqual(spec.securityContext, {
      runAsNonRoot: true,
      runAsUser: 65_532,
      runAsGroup: 65_532,
      fsGroup: 65_532,
      seccompProfile: { type: "RuntimeDefault" },
    });
    assert.deepEqual(container.securityContext, {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
    });
  });

  it("takes secrets by name, a pool by a claim, and a node's network when asked", async () => {
    const job = await render([
      ...THREE,
      "--secret",
      "keys",
      "--pool-claim",
      "pools",
      "--pool",
      "a/b",
      "--host-network",
    ]);
    const { spec } = job.spec.template;
    assert.deepEqual(spec.containers[0].envFrom, [{ secretRef: { name: "keys" } }]);
    assert.equal(variablesOf(job).POOL, "/pool/a/b");
    assert.deepEqual(spec.volumes, [
      { name: "data", emptyDir: {} },
      { name: "pool", persistentVolumeClaim: { claimName: "pools", readOnly: true } },
    ]);
    assert.equal(spec.hostNetwork, true);
  });

  it("for k6's operator is a script and a TestRun of one name, that say the same plan", async () => {
    const literal = ["render", "publish", "--relay", "ws://10.0.0.7:7777", ...THREE.slice(4)];
    const flags = ["--engine", "k6-operator", "--pool-claim", "pools", "--pool", "a/b"];
    const list = await render([...literal, ...flags, "--secret", "keys", "--namespace", "load"]);
    const [script, testRun] = (list as unknown as List).items;
    assert.deepEqual([script.kind, testRun.kind], ["ConfigMap", "TestRun"]);
    assert.deepEqual(script.metadata, testRun.metadata);
    assert.equal(testRun.metadata.namespace, "load");
    const { parallelism, runner, ...spec } = testRun.spec;
    const { name } = testRun.metadata;
    assert.deepEqual(spec, {
      script: { configMap: { name, file: "script.js" } },
      args: ["--log-format", "raw"],
      initializer: { disabled: true },
      starter: {
        automountServiceAccountToken: "false",
        securityContext: runner.securityContext,
        containerSecurityContext: runner.containerSecurityContext,
      },
    });
    // A ConfigMap holds at most 1 MiB.
    const text = script.data["script.js"] ?? "";
    assert.match(text, /handleSummary/);
    assert.ok(Buffer.byteLength(text) < 1_000_000);
    const variables = Object.fromEntries(runner.env.map((one) => [one.name, one.value]));
    const plan = buildPlan("publish", collectOptions({}, variables), "drawn", 64);
    assert.deepEqual(
      [plan.instances, plan.clients, plan.rateEps, plan.seed, parallelism],
      [3, 30, 90, "7", 3],
    );
    assert.equal(variables.POOL, "/pool/a/b");
    assert.equal(variables.HOME, undefined);
    // Of 1,800 accepted events ten are noted, to be read back.
    assert.equal(variables.AUDIT_EVERY, "180");
    assert.match(runner.image, /^grafana\/k6:\d+\.\d+\.\d+$/);
    assert.deepEqual(runner.envFrom, [{ secretRef: { name: "keys" } }]);
    assert.equal(runner.automountServiceAccountToken, "false");
    assert.deepEqual(runner.volumes, [
      { name: "pool", persistentVolumeClaim: { claimName: "pools", readOnly: true } },
    ]);
    assert.deepEqual(runner.volumeMounts, [{ name: "pool", mountPath: "/pool", readOnly: true }]);
    assert.deepEqual(runner.containerSecurityContext, {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
    });
  });

  const OPERATOR = [...THREE, "--engine", "k6-operator"];
  const POOL = ["--pool-claim", "c", "--pool", "p"];
  const refused: readonly (readonly [string, readonly string[], RegExp])[] = [
    ["a secret in a header", [...THREE, "--header", "X-Key: v"], /^values of headers .* --secret/],
    [
      "a secret in a URL",
      [...LOAD.slice(0, 3), "ws://127.0.0.1:7777/?k=v", ...THREE.slice(4)],
      /^the query of a relay's URL/,
    ],
    [
      "a secret beside the relay's metrics",
      [...THREE, "--relay-metrics", "http://127.0.0.1:1/metrics?token=t"],
      /^RELAY_METRICS .* would stand in the Job/,
    ],
    ["no number of pods", [...LOAD, "--seed", "7"], /^INSTANCES .* how many pods/],
    ["a file of this machine", [...THREE, "--events", "x.jsonl"], /^EVENTS .* of one machine/],
    [
      "a pool that pods do not have",
      [...THREE, "--pool", "pools/x"],
      /--pool-claim belong together/,
    ],
    [
      "a pool outside its claim",
      [...THREE, "--pool", "../x", "--pool-claim", "c"],
      /folder within the claim/,
    ],
    [
      "a relay that no run may load",
      ["render", "publish", "--relay", "ws://8.8.8.8", ...THREE.slice(5)],
      /refused `8\.8\.8\.8:80`/,
    ],
    ["one pod", [...LOAD, "--instances", "1", "--seed", "7"], /^INSTANCES .* must be 2 or more/],
    ["an engine that is none", [...THREE, "--engine", "x"], /^--engine must be job or k6-operator/],
    ["stock k6 and no pool", OPERATOR, /^k6 alone makes no pool: .* --pool-claim and --pool$/],
    [
      "stock k6 and a corpus",
      ["render", "query", ...THREE.slice(2, -6), "--seed", "7", "--engine", "k6-operator"],
      /^`query` sends what k6 alone can't make/,
    ],
    ["stock k6 and a name", [...OPERATOR, ...POOL], /^k6 alone can't tell where `relay\.load/],
    [
      "stock k6 and the relay's metrics",
      [
        ...["render", "publish", "--relay", "ws://10.0.0.7:7777", ...THREE.slice(4)],
        ...[...OPERATOR.slice(-2), ...POOL, "--relay-metrics", "http://10.0.0.7:1/"],
      ],
      /^RELAY_METRICS .* k6 alone reads none$/,
    ],
    [
      "a TestRun in the network of its nodes",
      [...OPERATOR, ...POOL, "--host-network"],
      /^a TestRun has no --host-network$/,
    ],
    ["a lead that is none", [...THREE, "--lead", "soon"], /--lead must be whole seconds/],
    ["a name that is none", [...THREE, "--namespace", "Load!"], /--namespace must be a name/],
    ["another verb", ["aply", "publish"], /usage: k6-nostr kubernetes render/],
  ];
  for (const [what, args, reason] of refused) {
    it(`is not made with ${what}`, () => assert.rejects(kubernetes(args), refusal(reason)));
  }
});
