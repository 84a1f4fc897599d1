/** What the compose files promise, each promise as a check of their texts. No Docker is needed. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
import { OPTIONS } from "../../src/plan/option-table.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
export const read = (path: string) => readFileSync(join(ROOT, path), "utf8");
export const RELAYS = readdirSync(join(ROOT, "deploy/relays"));

/** Our own image's, and those of relays that publish none. */
export const DOCKERFILES = ["", "deploy/relays/khatru/", "deploy/relays/rnostr/"].map(
  (place) => `${place}Dockerfile`,
);

interface Service {
  readonly image?: string;
  readonly build?: string;
  readonly entrypoint?: readonly string[];
  readonly command?: readonly string[];
  readonly ports?: readonly string[];
  readonly networks?: readonly string[];
  readonly network_mode?: string;
  readonly privileged?: boolean;
  readonly pid?: string;
  readonly init?: boolean;
  readonly tmpfs?: readonly string[];
  readonly profiles?: readonly string[];
  readonly env_file?: string;
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

export interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly networks: Readonly<
    Record<
      string,
      { readonly internal?: boolean; readonly driver_opts?: Readonly<Record<string, string>> }
    >
  >;
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

export interface Texts {
  readonly compose: string;
  readonly relays: Readonly<Record<string, string>>;
  readonly notes: Readonly<Record<string, string>>;
  readonly dockerfiles: readonly string[];
  readonly scraped: string;
  readonly example: string;
}

export const TEXTS: Texts = {
  compose: read("docker-compose.yml"),
  relays: Object.fromEntries(
    RELAYS.map((name) => [name, read(`deploy/relays/${name}/service.yml`)]),
  ),
  notes: Object.fromEntries(RELAYS.map((name) => [name, read(`deploy/relays/${name}/relay.env`)])),
  scraped: read("deploy/observe/prometheus.yml"),
  dockerfiles: DOCKERFILES.map(read),
  example: read(".env.example"),
};

const PIN = /:v?\d+\.\d+\.\d+[a-z0-9.-]*(?:@sha256:[0-9a-f]{64})?$/;

/** Each promise as a check: gives what is broken. */
export const CHECKS: Readonly<Record<string, (texts: Texts) => readonly string[]>> = {
  network: (texts) => {
    const { networks } = parse(texts.compose, { merge: true }) as Compose;
    const faults = networks.isolated?.internal === true ? [] : ["`isolated` is not internal"];
    for (const [name, service] of Object.entries(servicesOf(texts))) {
      if (name === "meter") {
        const { networks: own, network_mode, pid } = service;
        const isBeside = network_mode === "service:relay" && pid === "service:relay";
        if (!isBeside || own) faults.push("the meter is not beside the relay");
        continue;
      }
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
        !service.privileged &&
        service.init === true;
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
        // 0 is no limit to Docker.
        .filter((limit) => !Number(defaultOf(deploy?.resources?.limits?.[limit])))
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
  images: (texts) =>
    texts.dockerfiles.flatMap((text) => {
      const stages = text.split(/^FROM /m).slice(1);
      const last = stages.at(-1) ?? "";
      const user = /^USER (\S+)/m.exec(last)?.[1] ?? "root";
      return [
        ...(stages.length > 1 ? [] : ["an image keeps what built it"]),
        ...(/^(?:0|root)/.test(user) ? [`an image is ${user}'s`] : []),
        ...(/^HEALTHCHECK .*CMD/m.test(last) ? [] : ["an image has no health check"]),
      ];
    }),
  commands: (texts) => {
    const { load } = servicesOf(texts);
    const [ours = ""] = texts.dockerfiles;
    const isCli = /^ENTRYPOINT \["node", "bin\/k6-nostr\.mjs"\]$/m.test(ours);
    return [
      ...(isCli && load?.entrypoint === undefined ? [] : ["no other command can be run in it"]),
      ...(load?.command?.[0] === "run" ? [] : ["the load runs nothing of itself"]),
    ];
  },
  relays: (texts) =>
    Object.entries(texts.notes).flatMap(([name, note]) => {
      const { relay } = (parse(texts.relays[name] ?? "") as Compose).services;
      const inMemory = relay?.tmpfs?.some((path) => path.endsWith(":mode=1777,size=1g")) === true;
      return [
        ...(/^RELAY_URL=ws:\/\/relay:\d+$/m.test(note) ? [] : [`${name} has no URL`]),
        ...CONFIGURATIONS.filter(([whose]) => whose === name)
          .filter(([, mount]) => !relay?.volumes?.includes(mount))
          .map(([, mount]) => `${name} lacks ${mount}`),
        ...(inMemory ? [] : [`${name} keeps its database elsewhere`]),
        ...(/^RELAY_NOTE=.*RELAY_CPUS.*RELAY_MEMORY.*disk/m.test(note) ? [] : [`${name}: no note`]),
      ];
    }),
  metering: (texts) => {
    const { meter, load } = servicesOf(texts);
    const port = "9779";
    const check = meter?.healthcheck?.test?.at(-1) ?? "";
    const url = load?.environment?.RELAY_METRICS ?? "";
    return [
      ...(check.endsWith(`/${port}`) ? [] : ["its check is of another port"]),
      ...(meter?.entrypoint?.at(-1) === port ? [] : ["the meter is elsewhere"]),
      ...(load?.env_file?.endsWith("/relay.env") ? [] : ["the run isn't told of its relay"]),
      ...(url.includes(`:-http://relay:${port}/metrics}`) ? [] : ["the run doesn't ask it"]),
      ...(texts.scraped.includes(`"relay:${port}"`) ? [] : ["Prometheus doesn't ask it"]),
    ];
  },
  health: (texts) =>
    Object.entries(servicesOf(texts)).flatMap(([name, { healthcheck, depends_on = {} }]) => [
      ...(healthcheck?.test?.[0] === "CMD" && !healthcheck.disable ? [] : [`${name} has no check`]),
      ...Object.entries(depends_on)
        .filter(([, { condition }]) => condition !== "service_healthy")
        .map(([other]) => `${name} doesn't wait for ${other}`),
      ...(WAITS[name] ?? [])
        .filter((other) => !(other in depends_on))
        .map((other) => `${name} doesn't know ${other}`),
    ]),
  guard: (texts) =>
    Object.entries(servicesOf(texts))
      .filter(([name]) => ["load", "meter", "relay embedded"].includes(name))
      .filter(([, { environment }]) => environment?.INTERNAL_NETWORK !== "1")
      .map(([name]) => `${name} isn't told that the network is internal`),
  observe: (texts) => {
    const { grafana, prometheus } = servicesOf(texts);
    const view = (parse(texts.compose, { merge: true }) as Compose).networks.view;
    const masquerade = view?.driver_opts?.["com.docker.network.bridge.enable_ip_masquerade"];
    return [
      ...[grafana, prometheus]
        .filter((service) => service?.profiles?.join() !== "observe")
        .map(() => "is there without being asked for"),
      ...(masquerade === "false" ? [] : ["what leaves `view` is masqueraded"]),
      ...CALLS_HOME.filter((name) => grafana?.environment?.[name] !== "false"),
    ];
  },
  variables: (texts) => {
    const all = [texts.compose, ...Object.values(texts.notes)].join("\n");
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
    return Object.values(OPTIONS).flatMap(({ variable, default: text = "", defaultIn }) => {
      if (variable === undefined || variable in NOT_FOR_COMPOSE) return [];
      // Set to nothing it counts as not set, so that each scenario has its own.
      const ofAll = Object.keys(defaultIn).length > 0 ? "" : text;
      const own = FOR_COMPOSE[variable] ?? ofAll;
      const expected = `\${${variable}:-${own}}`;
      return given[variable] === expected ? [] : [`${variable} is \`${given[variable]}\``];
    });
  },
};

/** Without its file a relay would start with its own limits. */
const CONFIGURATIONS = [
  ["strfry", "./strfry.conf:/etc/strfry.conf:ro"],
  ["nostr-rs-relay", "./config.toml:/usr/src/app/config.toml:ro"],
  ["rnostr", "./rnostr.toml:/etc/rnostr.toml:ro"],
] as const;

/** Whose health a service must wait for. */
const WAITS: Readonly<Record<string, readonly string[]>> = {
  meter: ["relay"],
  load: ["relay", "meter"],
  grafana: ["prometheus"],
};

/** What Grafana would ask the internet for by itself. */
const CALLS_HOME = [
  "GF_ANALYTICS_REPORTING_ENABLED",
  "GF_ANALYTICS_CHECK_FOR_UPDATES",
  "GF_ANALYTICS_CHECK_FOR_PLUGIN_UPDATES",
  "GF_NEWS_NEWS_FEED_ENABLED",
];

/** The number of a limit, or of its default where a variable sets it. */
function defaultOf(limit: unknown): string {
  return /^(?:\$\{\w+:-)?([\d.]+)[kmg]?\}?$/.exec(String(limit))?.[1] ?? "";
}

/** Options whose default here is another. */
const FOR_COMPOSE: Readonly<Record<string, string>> = {
  RELAY_METRICS: "http://relay:9779/metrics",
};

/** Options that this environment fixes or has no use for. */
const NOT_FOR_COMPOSE: Readonly<Record<string, string>> = {
  RELAY_URL: "the relay chosen by RELAY, in its relay.env",
  RELAY_NOTE: "the same",
  REPORT_DIR: "the folder that is mounted",
  RELAY_PID: "the relay's processes can't be seen from another container",
  PPROF_URL: "taken of this machine only, and the relay is another container",
  CA_FILE: "the relays of the environment speak ws://",
  PROFILE_FILE: "a profile is given to a report that is there: `k6-nostr run` outside",
  INSTANCES: "one generator is there",
  INSTANCE: "the same",
  START_AT: "the same",
  CORES: "those that LOAD_CPUS leaves",
  ALLOW_PRIVATE: "nothing but the relay is there",
  ALLOW_DEDICATED_RELAY: "no relay elsewhere can be reached",
};
