/** What the compose files promise, checked without Docker: break any of it and a test here is red. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parse } from "yaml";
import { dashboardJson } from "../build/dashboard.ts";
import { CLASS_NAMES, classOf } from "../src/measure/classes.ts";
import { RESOURCE_METRICS } from "../src/measure/resource-metrics.ts";
import { CHECKS, type Compose, RELAYS, read, TEXTS, type Texts } from "./compose/promises.ts";

/** What k6's output for Prometheus puts behind a metric's name, by its type and our statistics of trends. */
const ENDINGS: Readonly<Record<string, readonly string[]>> = {
  Counter: ["total"],
  Rate: ["rate"],
  Trend: ["p50", "p95", "p99", "max"],
};

const cut =
  (part: string | RegExp, by = "") =>
  (text: string) =>
    text.replace(part, by);

/** Each takes one promise out of the files; the check named must see it. */
const MUTATIONS: readonly (readonly [string, keyof typeof CHECKS, (texts: Texts) => Texts])[] = [
  ["internal: true", "network", inCompose(cut("    internal: true"))],
  ["the relay's network", "network", inCompose(cut("networks: [isolated]", "networks: [view]"))],
  [
    "host networking",
    "network",
    inCompose(cut("    command: [run", "    network_mode: host\n    command: [run")),
  ],
  ["a port for all", "ports", inCompose(cut("127.0.0.1:$", "$$"))],
  [
    "a port of the relay",
    "ports",
    inRelays(cut("    tmpfs:", '    ports: ["127.0.0.1:7777:7777"]\n    tmpfs:')),
  ],
  ["read_only", "rights", inCompose(cut("read_only: true"))],
  ["cap_drop", "rights", inCompose(cut("cap_drop: [ALL]"))],
  ["no-new-privileges", "rights", inCompose(cut('["no-new-privileges:true"]', "[]"))],
  ["the load's user", "users", inCompose(cut(/ {4}user: \$\{LOAD_UID.*\n/))],
  ["a relay's user", "users", inRelays(cut("    user: 1000:1000\n"))],
  ["a CPU limit", "limits", inCompose(cut(/ {10}cpus: \$.RELAY_CPUS.*\n/))],
  ["a memory limit", "limits", inCompose(cut(/ {10}memory: \$.LOAD_MEMORY.*\n/))],
  ["a limit by a 0", "limits", inCompose(cut("cpus: 0.25", "cpus: 0"))],
  ["a pin", "pins", inCompose(cut("grafana/grafana:13.2.3", "grafana/grafana:latest"))],
  ["a relay's pin", "pins", inRelays(cut(/(image: \S+):\S+/, "$1"))],
  ["a base image's pin", "pins", inDockerfiles(cut(/^FROM (\S+):\S+/m, "FROM $1"))],
  ["a relay's health check", "health", inRelays(cut(/ {4}healthcheck:[\s\S]*$/))],
  [
    "the load's health check",
    "health",
    inCompose(cut("test: [CMD, test, -w, reports/load-test]", "disable: true")),
  ],
  ["an image's user", "images", inDockerfiles(cut(/^USER .*\n/m))],
  ["an image's user who isn't root", "images", inDockerfiles(cut("USER 1000:1000", "USER 0:0"))],
  ["an image's health check", "images", inDockerfiles(cut(/^HEALTHCHECK .*\n/m))],
  ["an image's second stage", "images", inDockerfiles(cut(/^FROM [\s\S]*^FROM/m, "FROM"))],
  ["a place for other commands", "commands", inDockerfiles(cut('"bin/k6-nostr.mjs"'))],
  ["the load's own command", "commands", inCompose(cut('[run, "${SCENARIO', '["${SCENARIO'))],
  ["a relay's configuration", "relays", inRelays(cut(/ {6}- \.\/.*:ro\n/))],
  ["a relay's URL", "relays", inNotes(cut(/^RELAY_URL.*\n/m))],
  ["a relay's note", "relays", inNotes(cut(/^RELAY_NOTE.*\n/m))],
  ["a database in memory", "relays", inRelays(cut(/ {4}tmpfs: .*\n/))],
  [
    "the meter's place",
    "network",
    inCompose(cut("network_mode: service:relay", "networks: [view]")),
  ],
  ["the meter's sight", "network", inCompose(cut(/ {4}pid: .*\n/))],
  ["the meter's port", "metering", inCompose(cut('"1", "9779"', '"1", "9778"'))],
  ["the run's reading of the meter", "metering", inCompose(cut("http://relay:9779/metrics"))],
  ["the scraping of the meter", "metering", (t) => ({ ...t, scraped: cut("9779")(t.scraped) })],
  ["a first process that obeys", "rights", inCompose(cut("init: true"))],
  ["waiting at all", "health", inCompose(cut(/ {6}meter:\n {8}condition.*\n/))],
  ["the load's word on the network", "guard", inCompose(cut('INTERNAL_NETWORK: "1"'))],
  ["observing on demand", "observe", inCompose(cut("profiles: [observe]"))],
  ["no masquerade", "observe", inCompose(cut(/enable_ip_masquerade: .*/))],
  ["a Grafana that calls nowhere", "observe", inCompose(cut(/ {6}GF_ANALYTICS_REP.*\n/))],
  ["the relay's notes", "metering", inCompose(cut(/ {4}env_file: .*\n/))],
  ["waiting for health", "health", inCompose(cut("service_healthy", "service_started"))],
  [
    "a documented variable",
    "variables",
    (t) => ({ ...t, example: cut(/^RATE_EPS=.*\n/m)(t.example) }),
  ],
  ["a documented default", "variables", inCompose(cut("CLIENTS:-1000", "CLIENTS:-10"))],
  ["an option's default", "options", inCompose(cut("DURATION_SEC:-600", "DURATION_SEC:-60"))],
  [
    "a default that is the scenario's own",
    "options",
    inCompose(cut("MAX_IN_FLIGHT:-}", "MAX_IN_FLIGHT:-16}")),
  ],
  ["an option of one scenario", "options", inCompose(cut(/ {6}QUERY_MIX: .*\n/))],
  ["an option", "options", inCompose(cut(/ {6}ARRIVAL: .*\n/))],
];

function inCompose(change: (text: string) => string): (texts: Texts) => Texts {
  return (texts) => ({ ...texts, compose: change(texts.compose) });
}

function inDockerfiles(change: (text: string) => string): (texts: Texts) => Texts {
  return (texts) => ({ ...texts, dockerfiles: texts.dockerfiles.map(change) });
}

function inNotes(change: (text: string) => string): (texts: Texts) => Texts {
  return (texts) => ({
    ...texts,
    notes: Object.fromEntries(Object.entries(texts.notes).map(([n, text]) => [n, change(text)])),
  });
}

function inRelays(change: (text: string) => string): (texts: Texts) => Texts {
  return (texts) => ({
    ...texts,
    relays: Object.fromEntries(Object.entries(texts.relays).map(([n, text]) => [n, change(text)])),
  });
}

describe("the compose file", () => {
  for (const [name, findFaults] of Object.entries(CHECKS)) {
    it(`keeps its promise of ${name}`, () => assert.deepEqual(findFaults(TEXTS), []));
  }

  it("offers the five relays, each with its notes for the report", () => {
    assert.deepEqual(RELAYS.toSorted(), [
      "embedded",
      "khatru",
      "nostr-rs-relay",
      "rnostr",
      "strfry",
    ]);
    for (const name of RELAYS) {
      const note = /^RELAY_NOTE=(.*)$/m.exec(TEXTS.notes[name] ?? "")?.[1] ?? "";
      const image = (parse(TEXTS.relays[name] ?? "") as Compose).services.relay?.image ?? "";
      assert.ok(note.includes(image.split(":").at(-1) ?? "?"), `${name}: ${note} lacks ${image}`);
      assert.ok(note.length <= 300);
    }
  });

  it("names the package's own version", () => {
    const { version } = JSON.parse(read("package.json")) as { version: string };
    assert.ok(TEXTS.compose.includes(`k6-nostr:${version}`));
    assert.ok(TEXTS.relays.embedded?.includes(`k6-nostr:${version}`));
  });

  it("has a dashboard with panels for each class of work, as their table says", () => {
    const dashboard = JSON.parse(read("deploy/observe/grafana/dashboards/k6-nostr.json"));
    assert.deepEqual(dashboard, dashboardJson(), "run build/dashboard.ts");
    const text = JSON.stringify(dashboard);
    for (const name of CLASS_NAMES) {
      const { trends, counters } = classOf(name).metrics;
      for (const metric of [...Object.values(trends), ...Object.values(counters)]) {
        assert.ok(text.includes(`k6_${metric}_`), `no panel asks for ${metric}`);
      }
    }
  });

  it("has the dashboard ask for what k6 and the meter send, and for nothing else", () => {
    const dashboard = read("deploy/observe/grafana/dashboards/k6-nostr.json");
    const expressions = [...dashboard.matchAll(/"expr": "(.*)"/g)].map((match) => match[1] ?? "");
    const asked = new Set(expressions.flatMap((text) => text.match(/\b(?:k6|process)_\w+/g) ?? []));
    const own = CLASS_NAMES.flatMap((name) => {
      const { trends, counters, failed } = classOf(name).metrics;
      return [
        ...Object.values(trends).map((trend) => ["Trend", trend] as const),
        ...Object.values(counters).map((counter) => ["Counter", counter] as const),
        ...(failed === null ? [] : [["Rate", failed] as const]),
      ];
    });
    const resources = Object.keys(RESOURCE_METRICS).map((name) => ["Trend", name] as const);
    const sent = [...own, ...resources].flatMap(
      ([type, name]) => ENDINGS[type]?.map((ending) => `k6_${name}_${ending}`) ?? [],
    );
    const metered = read("deploy/load/relay-meter.ts").match(/process_\w+/g) ?? [];
    const known = new Set([...sent, ...metered, "k6_vus", "k6_ws_sessions_total"]);
    assert.ok(asked.size > 20);
    assert.deepEqual(
      [...asked].filter((name) => !known.has(name)),
      [],
    );
  });
});

describe("the checks of the compose file see", () => {
  for (const [what, check, mutate] of MUTATIONS) {
    it(`a loss of ${what}`, () => {
      const mutated = mutate(TEXTS);
      assert.notDeepEqual(mutated, TEXTS);
      assert.notDeepEqual(CHECKS[check]?.(mutated), []);
    });
  }
});
