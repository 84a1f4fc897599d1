/** What the compose file promises, checked without Docker: break any of it and a test here is red. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
import { OPTIONS } from "../src/plan/options.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const read = (path: string) => readFileSync(join(ROOT, path), "utf8");
const RELAYS = readdirSync(join(ROOT, "deploy/relays"));

interface Service {
  readonly image?: string;
  readonly build?: string;
  readonly ports?: readonly string[];
  readonly networks?: readonly string[];
  readonly network_mode?: string;
  readonly privileged?: boolean;
  readonly pid?: string;
  readonly user?: string;
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
  readonly cap_add?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly volumes?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly healthcheck?: { readonly test?: readonly string[]; readonly disable?: boolean };
  readonly depends_on?: Readonly<Record<string, { readonly condition?: string }>>;
  readonly deploy?: {
    readonly resources?: { readonly limits?: Readonly<Record<string, unknown>> };
  };
}

interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly networks: Readonly<Record<string, { readonly internal?: boolean }>>;
}

/** The services as compose puts them together, one relay for each that may be chosen. */
function servicesOf(texts: Texts): Readonly<Record<string, Service>> {
  const { services } = parse(texts.compose, { merge: true }) as Compose;
  const { relay, ...others } = services;
  const relays = Object.entries(texts.relays).map(([name, text]) => {
    const own = (parse(text) as Compose).services.relay;
    return [`relay ${name}`, { ...own, ...relay }] as const;
  });
  return { ...others, ...Object.fromEntries(relays) };
}

interface Texts {
  readonly compose: string;
  readonly relays: Readonly<Record<string, string>>;
  readonly dockerfiles: readonly string[];
  readonly example: string;
}

const TEXTS: Texts = {
  compose: read("docker-compose.yml"),
  relays: Object.fromEntries(
    RELAYS.map((name) => [name, read(`deploy/relays/${name}/service.yml`)]),
  ),
  dockerfiles: [read("Dockerfile"), read("deploy/relays/khatru/Dockerfile")],
  example: read(".env.example"),
};

const PIN = /:v?\d+\.\d+\.\d+[a-z0-9.-]*(?:@sha256:[0-9a-f]{64})?$/;

/** Each promise as a check: gives what is broken. */
const CHECKS: Readonly<Record<string, (texts: Texts) => readonly string[]>> = {
  network: (texts) => {
    const { networks } = parse(texts.compose, { merge: true }) as Compose;
    const faults = networks.isolated?.internal === true ? [] : ["`isolated` is not internal"];
    for (const [name, service] of Object.entries(servicesOf(texts))) {
      const mayBeSeen = name === "grafana" ? ["isolated", "view"] : ["isolated"];
      if (JSON.stringify(service.networks) !== JSON.stringify(mayBeSeen)) {
        faults.push(`${name} is in ${JSON.stringify(service.networks)}`);
      }
      if (service.network_mode || service.pid) faults.push(`${name} shares the host's`);
    }
    return faults;
  },
  ports: (texts) =>
    Object.entries(servicesOf(texts)).flatMap(([name, { ports = [] }]) =>
      ports
        .filter((port) => name !== "grafana" || !/^127\.0\.0\.1:/.test(port))
        .map((port) => `${name} publishes ${port}`),
    ),
  rights: (texts) =>
    Object.entries(servicesOf(texts)).flatMap(([name, service]) => {
      const isHard =
        service.read_only === true &&
        service.cap_drop?.includes("ALL") === true &&
        service.security_opt?.includes("no-new-privileges:true") === true &&
        !service.cap_add &&
        !service.privileged;
      return isHard ? [] : [`${name} has more rights than it needs`];
    }),
  users: (texts) =>
    Object.entries(servicesOf(texts)).flatMap(([name, { user }]) => {
      // Prometheus' and Grafana's images have users of their own.
      const isOwn = name === "prometheus" || name === "grafana";
      return isOwn || (user !== undefined && !/^(?:0|root)/.test(user)) ? [] : [`${name} is root`];
    }),
  limits: (texts) =>
    Object.entries(servicesOf(texts)).flatMap(([name, { deploy }]) =>
      ["cpus", "memory", "pids"]
        .filter((limit) => deploy?.resources?.limits?.[limit] === undefined)
        .map((limit) => `${name} has no limit of ${limit}`),
    ),
  pins: (texts) => {
    const images = Object.entries(servicesOf(texts)).map(([, { image = "" }]) => image);
    const bases = texts.dockerfiles.flatMap((text) =>
      [...text.matchAll(/^FROM (\S+)/gm)].map((match) => match[1] ?? ""),
    );
    const names = [...images, ...bases].filter((name) => name !== "scratch");
    // `node:24.21.0-trixie-slim`: a tag may go on after the version.
    return names.filter((name) => !PIN.test(name)).map((name) => `\`${name}\` is not pinned`);
  },
  health: (texts) =>
    Object.entries(servicesOf(texts)).flatMap(([name, { healthcheck, depends_on = {} }]) => [
      ...(healthcheck?.test?.[0] === "CMD" && !healthcheck.disable ? [] : [`${name} has no check`]),
      ...Object.entries(depends_on)
        .filter(([, { condition }]) => condition !== "service_healthy")
        .map(([other]) => `${name} doesn't wait for ${other}`),
    ]),
  variables: (texts) => {
    const used = Object.entries(texts.relays).map(([name]) =>
      read(`deploy/relays/${name}/relay.env`),
    );
    const all = [texts.compose, ...used].join("\n");
    const defaults = new Map<string, string>();
    const faults: string[] = [];
    for (const [, name = "", text = ""] of all.matchAll(/\$\{([A-Z0-9_]+):-([^}]*)\}/g)) {
      if ((defaults.get(name) ?? text) !== text) faults.push(`${name} has two defaults`);
      defaults.set(name, text);
    }
    const documented = new Map(
      [...texts.example.matchAll(/^([A-Z0-9_]+)=(.*)$/gm)].map((m) => [m[1] ?? "", m[2] ?? ""]),
    );
    for (const [name, text] of defaults) {
      if (documented.get(name) !== text)
        faults.push(`${name} is not in .env.example as \`${text}\``);
    }
    for (const name of documented.keys()) {
      if (!defaults.has(name)) faults.push(`${name} is in .env.example and nowhere used`);
    }
    return faults;
  },
  options: (texts) => {
    const { load } = servicesOf(texts);
    const given = load?.environment ?? {};
    return Object.values(OPTIONS).flatMap(({ variable, default: text = "" }) => {
      if (variable === undefined || variable in NOT_FOR_COMPOSE) return [];
      const expected = `\${${variable}:-${text}}`;
      return given[variable] === expected ? [] : [`${variable} is \`${given[variable]}\``];
    });
  },
};

/** Options that this environment fixes or has no use for. */
const NOT_FOR_COMPOSE: Readonly<Record<string, string>> = {
  RELAY_URL: "the relay chosen by RELAY, in its relay.env",
  RELAY_NOTE: "the same",
  REPORT_DIR: "the folder that is mounted",
  RELAY_PID: "the relay's processes can't be seen from another container",
  PPROF_URL: "taken of this machine only, and the relay is another container",
  PROFILE_FILE: "a profile is given to a report that is there: `k6-nostr run` outside",
  ALLOW_PRIVATE: "nothing but the relay is there",
  ALLOW_DEDICATED_RELAY: "no relay elsewhere can be reached",
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
  ["a pin", "pins", inCompose(cut("grafana/grafana:13.2.3", "grafana/grafana:latest"))],
  ["a relay's pin", "pins", inRelays(cut(/(image: \S+):\S+/, "$1"))],
  [
    "a base image's pin",
    "pins",
    (t) => ({ ...t, dockerfiles: t.dockerfiles.map(cut(/^FROM (\S+):\S+/m, "FROM $1")) }),
  ],
  ["a relay's health check", "health", inRelays(cut(/ {4}healthcheck:[\s\S]*$/))],
  [
    "the load's health check",
    "health",
    inCompose(cut("test: [CMD, k6, version]", "disable: true")),
  ],
  ["waiting for health", "health", inCompose(cut("service_healthy", "service_started"))],
  [
    "a documented variable",
    "variables",
    (t) => ({ ...t, example: cut(/^RATE_EPS=.*\n/m)(t.example) }),
  ],
  ["a documented default", "variables", inCompose(cut("CLIENTS:-1000", "CLIENTS:-10"))],
  ["an option's default", "options", inCompose(cut("DURATION_SEC:-600", "DURATION_SEC:-60"))],
  ["an option", "options", inCompose(cut(/ {6}ARRIVAL: .*\n/))],
];

function inCompose(change: (text: string) => string): (texts: Texts) => Texts {
  return (texts) => ({ ...texts, compose: change(texts.compose) });
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

  it("offers the four relays, each with its notes for the report", () => {
    assert.deepEqual(RELAYS.toSorted(), ["embedded", "khatru", "nostr-rs-relay", "strfry"]);
    for (const name of RELAYS) {
      const note = /^RELAY_NOTE=(.*)$/m.exec(read(`deploy/relays/${name}/relay.env`))?.[1] ?? "";
      const image = (parse(TEXTS.relays[name] ?? "") as Compose).services.relay?.image ?? "";
      assert.ok(note.includes(image.split(":").at(-1) ?? "?"), `${name}: ${note} lacks ${image}`);
      assert.match(note, /RELAY_CPUS.*RELAY_MEMORY.*disk/);
      assert.ok(note.length <= 300);
    }
  });

  it("names the package's own version", () => {
    const { version } = JSON.parse(read("package.json")) as { version: string };
    assert.ok(TEXTS.compose.includes(`k6-nostr:${version}`));
    assert.ok(TEXTS.relays.embedded?.includes(`k6-nostr:${version}`));
  });

  it("has the dashboard ask for metrics that k6 sends", () => {
    const dashboard = read("deploy/observe/grafana/dashboards/k6-nostr.json");
    const own = [...dashboard.matchAll(/k6_(nostr_[a-z_]+?)_(?:total|rate|p\d+|max)\b/g)];
    const metrics = read("k6/lib/metrics.ts");
    assert.ok(own.length > 10);
    for (const [, name = ""] of own) assert.ok(metrics.includes(`"${name}"`), name);
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
