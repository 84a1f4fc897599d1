import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { Ajv2020 } from "ajv/dist/2020.js";
import { publishOf } from "../src/report/class-report.ts";
import { MOST_FINDINGS, RULES, withFindings } from "../src/report/findings/engine.ts";
import schema from "../src/report/schema.json" with { type: "json" };
import type { Finding, Report } from "../src/report/types.ts";
import { SITUATIONS } from "./faulty-relay/situations.ts";
import { withClass } from "./fixtures/reports/figures.ts";
import { changePoints } from "./fixtures/reports/points.ts";
import { sampleOf } from "./fixtures/reports/run.ts";

const DIR = new URL("fixtures/reports/situations/", import.meta.url);
const ajv = new Ajv2020({ strict: true, allowUnionTypes: true }).addSchema(schema);
const isFinding = ajv.compile({ $ref: `${schema.$id}#/$defs/finding` });
const names = readdirSync(DIR).map((file) => file.replace(".json", ""));
const textOf = (name: string) => readFileSync(new URL(`${name}.json`, DIR), "utf8");
const reportOf = (name: string) => JSON.parse(textOf(name)) as Report;
/** Found anew: by the rules as they are, not as they were when the run was made. */
const findingsOf = (name: string) => withFindings(reportOf(name)).findings;
const OWN = ["healthy-sink", "healthy-embedded"];
const HEALTHY = [
  ...Object.keys(SITUATIONS).filter((name) => SITUATIONS[name]?.first === null),
  ...OWN,
];

describe("findings of real runs against relays that misbehave on purpose", () => {
  it("are there for every situation, and for relays that do well", () => {
    assert.deepEqual([...names].sort(), [...Object.keys(SITUATIONS), ...OWN].sort());
    assert.ok(names.length >= 12);
  });

  for (const [name, { first }] of Object.entries(SITUATIONS)) {
    if (first === null) continue;
    it(`${name}: ${first} comes first`, () => {
      const findings = findingsOf(name);
      const told = findings.map((f) => `${f.id} ${f.severity} ${f.cost}`).join(", ");
      assert.equal(findings[0]?.id, first, told);
      assert.ok((findings[0]?.evidence.length ?? 0) > 0);
    });
  }

  for (const name of HEALTHY) {
    it(`${name}: the relay is not blamed`, () => {
      const blaming = findingsOf(name).filter(
        ({ severity, labels }) => severity !== "info" && !labels.includes("generator"),
      );
      assert.deepEqual(blaming, []);
    });
  }

  it("are as the schema wants them, in reports that hold nothing of the machine", () => {
    for (const name of names) {
      const text = textOf(name);
      for (const finding of findingsOf(name)) {
        assert.ok(isFinding(finding), `${name}: ${JSON.stringify(isFinding.errors)}`);
      }
      assert.doesNotMatch(text, /"[^"]*\/(home|root|tmp|Users|work)\//, name);
    }
  });
});

describe("the engine", () => {
  it("leaves an invalid run its one finding", () => {
    const findings = findingsOf("generator-bound");
    assert.deepEqual(
      findings.map(({ id }) => id),
      ["generator-limit"],
    );
  });

  it("puts symptoms behind their cause and names it", () => {
    const findings = findingsOf("stalling");
    const tail = findings.find(({ id }) => id === "tail");
    assert.ok(tail?.labels.includes("symptom-of:stalls"));
    assert.ok((tail?.rank ?? 0) > 1);
  });

  it("numbers from 1, at most ten, and what is only worth knowing stands behind what costs", () => {
    for (const name of names) {
      const findings = findingsOf(name);
      assert.ok(findings.length <= MOST_FINDINGS);
      assert.deepEqual(
        findings.map(({ rank }) => rank),
        findings.map((_, i) => i + 1),
      );
      const causes = findings.filter(
        ({ labels }) => !labels.some((label) => label.startsWith("symptom-of:")),
      );
      const firstInfo = causes.findIndex(({ severity }) => severity === "info");
      const afterInfo = firstInfo < 0 ? [] : causes.slice(firstInfo);
      assert.ok(
        afterInfo.every(({ severity }) => severity === "info"),
        name,
      );
    }
  });

  it("has no two findings that are each other's symptom, over any way round", () => {
    const explains = new Map(RULES.map(({ id, explains }) => [id, explains]));
    const reached = (from: string) => {
      const known = new Set<string>();
      const open = [...(explains.get(from) ?? [])];
      for (let id = open.pop(); id !== undefined; id = open.pop()) {
        if (known.has(id)) continue;
        known.add(id);
        open.push(...(explains.get(id) ?? []));
      }
      return known;
    };
    for (const id of explains.keys()) assert.ok(!reached(id).has(id), `${id} explains itself`);
  });

  it("leaves a cause in every run with findings, and puts no lesser one before a worse one", () => {
    for (const name of names) {
      const findings = findingsOf(name);
      const isSymptom = ({ labels }: Finding) => labels.some((l) => l.startsWith("symptom-of:"));
      const causes = findings.filter((finding) => !isSymptom(finding));
      assert.ok(findings.length === 0 || causes.length > 0, name);
      const grades = causes.map(
        ({ severity }) => ({ critical: 0, major: 0, minor: 1, info: 2 })[severity],
      );
      assert.deepEqual(grades, [...grades].sort(), `${name}: ${causes.map(({ id }) => id)}`);
    }
  });

  it("never leaves a crossed threshold without a finding, nor says that nothing explains what does", () => {
    const slow = {
      metric: "nostr_publish_response_time",
      expression: "p(95)<500",
      value: 2_580,
      ok: false,
    };
    const failing = (name: string) => ({ ...reportOf(name), thresholds: [slow] });
    const [only, ...more] = withFindings(failing("healthy")).findings;
    assert.equal(only?.id, "unexplained");
    assert.match(only?.title ?? "", /is 2\.58 s, where `p\(95\)<500` was asked for/);
    assert.deepEqual(more, []);
    // Known events, and memory, make no answer late.
    for (const name of ["duplicates", "leaking", "rejecting"]) {
      const ids = withFindings(failing(name)).findings.map(({ id }) => id);
      assert.ok(ids.includes("unexplained"), name);
    }
    for (const name of ["overloaded-computing", "stalling", "slow-start", "crowded", "drifting"]) {
      const ids = withFindings(failing(name)).findings.map(({ id }) => id);
      assert.ok(!ids.includes("unexplained"), name);
    }
    for (const name of names) {
      const report = reportOf(name);
      const isCrossed = report.thresholds.some(({ ok }) => ok === false);
      const findings = findingsOf(name);
      assert.ok(!isCrossed || findings.some(({ severity }) => severity !== "info"), name);
    }
  });

  it("tells work for each open connection from publishing, where it runs into the window", () => {
    // Seen of nostr-rs-relay with 2,000 connections at 200 events/s, on two cores.
    const report = reportOf("healthy");
    const { durationSec } = report.run;
    const perSlice = 200 * report.run.sliceSec;
    const busyFromSec = 3;
    const busy = changePoints((point) => {
      const isEarly = point.t < busyFromSec;
      const inWindow = point.t < durationSec;
      const [p50, p99] = isEarly ? [600, 1_200] : [1_330, 2_661];
      return {
        ...{ connectionsOpen: 2_000, p50, p99, serviceP50: p50, serviceP99: p99 },
        accepted: !inWindow ? 0 : isEarly ? 1 : Math.round(perSlice * 1.25),
      };
    }, report);
    const cpu = (t: number) => (t <= busyFromSec ? 20 : 156);
    const samples = Array.from({ length: durationSec }, (_, i) => i + 1).flatMap((t) => [
      sampleOf({ t, process: "relay", cpuPercent: cpu(t), busiestThreadPercent: cpu(t) / 2 }),
      sampleOf({ t, process: "generator", cpuPercent: 19 }),
      sampleOf({ t, process: "host", cpuPercent: (cpu(t) + 25) / 2 }),
    ]);
    const slow = { mean: 1_300, p50: 1_330, p95: 2_580, p99: 2_661, min: 20 };
    const { rate, times } = publishOf(report);
    const slowed = withClass(
      "publish",
      {
        rate: { ...rate, done: 183 },
        times: {
          response: { ...times.response, ...slow },
          service: { ...times.service, ...slow },
        },
      },
      busy,
    );
    const found = withFindings({
      ...slowed,
      run: { ...report.run, host: { ...report.run.host, cpus: 2 } },
      config: { ...report.config, clients: 2_000, rateEps: 200 },
      resources: { samples, relayProcess: null, relayMetrics: [], notMeasured: [] },
      thresholds: [
        { metric: "nostr_publish_response_time", expression: "p(95)<500", value: 2_580, ok: false },
      ],
    }).findings;
    const [first] = found;
    assert.equal(first?.id, "connection-cost", found.map(({ id }) => id).join());
    assert.match(first?.title ?? "", /8\.\d ms of processor with 2,000 connections open: 4\.\d µs/);
    const bound = found.find(({ id }) => id === "cpu-bound");
    assert.match(bound?.title ?? "", /it used 1[56]\d % of the 1[78]\d % in use/);
    assert.ok(bound?.labels.includes("symptom-of:connection-cost"));
    assert.ok(!found.some(({ id }) => id === "unexplained" || id === "overload"));
  });

  it("does not look for what explains that a load takes more than it may, but says by how much", () => {
    const ofRelay = { expression: "avg<60", ok: false };
    const cpu = { ...ofRelay, metric: "nostr_relay_cpu_percent", value: 66.159 };
    const memory = { ...ofRelay, metric: "nostr_relay_rss_bytes", value: 123_400_000 };
    const slow = {
      metric: "nostr_publish_response_time",
      expression: "p(95)<1",
      value: 9,
      ok: false,
    };
    const titleOf = (...thresholds: Report["thresholds"]) =>
      withFindings({ ...reportOf("healthy"), thresholds }).findings[0]?.title;
    assert.equal(titleOf(cpu), "`nostr_relay_cpu_percent` is 66.2 %, where `avg<60` was asked for");
    assert.match(
      titleOf(memory) ?? "",
      /^`nostr_relay_rss_bytes` is 123(\.4)? MB, where `avg<60` was/,
    );
    assert.match(
      titleOf(cpu, slow) ?? "",
      /^`nostr_publish_response_time` is .*, and no rule of this/,
    );
  });

  it("lets a tail explain the highest percentiles and no others", () => {
    const crossing = (expression: string) => {
      const metric = "nostr_publish_response_time";
      const thresholds = [{ metric, expression, value: 600, ok: false }];
      return withFindings({ ...reportOf("slow-tail"), thresholds }).findings.map(({ id }) => id);
    };
    assert.ok(!crossing("p(99)<100").includes("unexplained"));
    assert.ok(crossing("p(95)<100").includes("unexplained"));
  });

  it("is less sure in a suspect run", () => {
    const report = reportOf("rate-limited");
    const suspect = { ...report.generator, verdict: "suspect" as const };
    const confidence = (of: Report) =>
      withFindings(of).findings.find(({ id }) => id === "rate-limited")?.confidence;
    assert.equal(confidence(report), "high");
    assert.equal(confidence({ ...report, generator: suspect }), "medium");
  });

  it("gives the same again, and takes nothing from findings that were there", () => {
    for (const name of names) {
      const once = withFindings(reportOf(name));
      assert.deepEqual(withFindings(once).findings, once.findings, name);
    }
  });

  it("has a page for every finding, and a rule for every page", () => {
    const text = readFileSync(new URL("../docs/findings.md", import.meta.url), "utf8");
    const pages = [...text.matchAll(/^## (.+)$/gm)].map(([, id]) => id);
    const ids = ["no-data", "generator-limit", ...RULES.map(({ id }) => id)];
    assert.deepEqual([...pages].sort(), [...ids].sort());
    for (const { explains } of RULES) {
      for (const id of explains) assert.ok(ids.includes(id), id);
    }
  });
});
