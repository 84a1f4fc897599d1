/** The plan in words, for `--dry-run`: by text alone. No socket, no name, and no file is written. */
import { basename, join } from "node:path";
import { ConfigError } from "../../errors.ts";
import { formatMix, parseMix } from "../../events/mix.ts";
import { parseAddress } from "../../guard/address.ts";
import { blacklistFor } from "../../guard/dialer.ts";
import { judgeByText } from "../../guard/guard.ts";
import { classOf } from "../../measure/classes.ts";
import { sliceLengthMs } from "../../measure/slice.ts";
import { type ConnectMode, type ConnectPlan, cutAtSec, formatSession } from "../../plan/connect.ts";
import { mostSeconds } from "../../plan/duration.ts";
import { deliveriesPerSecond, type FanoutPlan, joinsOf, topicsOfVu } from "../../plan/fanout.ts";
import { eventsNeeded, leadingRate, type Plan } from "../../plan/plan.ts";
import type { QueryPlan, VerifyForm } from "../../plan/query.ts";
import { SCENARIOS } from "../../plan/scenarios.ts";
import type { PoolManifest } from "../../pool/format.ts";
import { DEFAULT_EPOCH } from "../../pool/plan.ts";
import type { Epoch } from "../../pool/times.ts";
import { parseQueryMix } from "../../query/catalogue.ts";
import type { KeyOrder } from "../../query/keys.ts";
import { counted, formatBytes, formatCount } from "../../report/format.ts";
import { policyOf } from "../guard/policy.ts";
import { k6Arguments } from "../k6/environment.ts";
import type { Builders } from "../pool/builders.ts";
import { poolId } from "../pool/make.ts";
import { readEventsManifest, readPoolManifest } from "../pool/read.ts";
import { POOLS_DIR } from "./pool.ts";
import { publishes } from "./supply.ts";

/** Where a run's events come from; without any of it a pool that is kept for the plan is looked for. */
export interface EventSource {
  /** Folder of the user's own pool. */
  readonly pool?: string | undefined;
  /** A file of signed events, which is read when it is sent. */
  readonly events?: string | undefined;
  readonly builders?: Builders | undefined;
  readonly epoch?: Epoch | undefined;
  /** Events that are replayed end the window. */
  readonly playsOnce?: boolean;
}

export async function describePlan(plan: Plan, source: EventSource = {}): Promise<string> {
  const isPublished = publishes(plan);
  const isMade = isPublished && source.events === undefined;
  const manifest = isMade ? await findManifest(plan, source) : null;
  const targets = plan.relays.map((relay) => {
    const verdict = judgeByText(relay, policyOf(plan));
    return `  ${relay.scheme}://${relay.label}  ${verdict.status} by text: ${verdict.reason}`;
  });
  const { query, connect } = plan;
  const unit = classOf(SCENARIOS[plan.scenario].leads).many;
  const rows: readonly Row[] = [
    [
      "clients",
      `${formatCount(plan.clients)} connections, ${plan.connectConcurrency} handshakes at once, ${plan.vus} VUs${plan.instances > 1 ? ` in ${plan.instances} instances` : ""}${isPublished ? `, ${plan.pacing} pacing` : ""}`,
    ],
    [
      "schedule",
      `${leadingRate(plan)} ${unit}/s, ${plan.arrival}, ${plan.warmupSec} s warm-up, ${describeWindow(plan, source)}`,
    ],
    ...(isPublished ? describeEvents(plan, source, manifest) : []),
    ...(query === null ? [] : describeQueries(query, plan.durationSec)),
    ...(plan.fanout === null ? [] : describeFanout(plan.fanout, plan)),
    ...(connect === null ? [] : describeConnect(connect, plan.clients)),
    ["seed", plan.seed],
    [
      "in flight",
      `at most ${plan.maxInFlight} ${query === null ? "" : "open REQs "}on a connection; unanswered after ${plan.ackTimeoutMs} ms: timed out`,
    ],
    ["connections", describeConnections(plan)],
    ["slices", `${sliceLengthMs(plan.durationSec)} ms`],
    [
      "thresholds",
      plan.thresholds.map((t) => `${t.metric}: ${t.expressions.join(", ")}`).join("; "),
    ],
    [
      "reports",
      `${plan.reportDir}/runs/<run id>/, ${plan.reportDir}/load-report-<day>.json, ${plan.reportDir}/load-test-report-<day>.md and .html`,
    ],
  ];
  return [
    `dry run of ${plan.scenario}: nothing is sent, resolved or written`,
    ...targets,
    ...rows.map(([label, text]) => `${label.padEnd(11)} ${text}`),
    "",
    "The command; the relay's URL and all options go to k6 in its environment, where no other user sees them:",
    [
      "k6",
      ...k6Arguments({
        plan,
        script: `build/dist/${SCENARIOS[plan.scenario].script}.js`,
        blacklist: blacklistOf(plan),
      }),
    ].join(" "),
    "",
  ].join("\n");
}

type Row = readonly [label: string, text: string];

function describeEvents(plan: Plan, source: EventSource, manifest: PoolManifest | null): Row[] {
  const planned = Math.floor(plan.rateEps * plan.durationSec);
  return [
    ["events", `${describePlanned(plan, source)}; pool ${describePool(plan, source)}`],
    ["bytes", describeBytes(planned, manifest)],
    ["mix", describeMix(plan, source, manifest)],
  ];
}

function describeFanout(fanout: FanoutPlan, { vus, rateEps, durationSec }: Plan): Row[] {
  const { subscribers, subsPerConnection, decoys, slowReaders, slowReaderRate, baseline } = fanout;
  const joins = joinsOf(fanout);
  const behind = (share: number | null) =>
    share === null || share === 0 ? "before the window" : `at ${Math.round(share * durationSec)} s`;
  const topics = topicsOfVu(fanout, vus) * vus;
  const perSec = deliveriesPerSecond(fanout, rateEps, vus);
  return [
    [
      "subscribers",
      `${formatCount(subscribers)} connections of ${formatCount(subsPerConnection)}, to ${formatCount(topics)} topics, opened ${behind(baseline)}; ${formatCount(Math.round(perSec))} deliveries/s owed`,
    ],
    ...(decoys > 0
      ? [["decoys", `${formatCount(decoys)}, opened ${behind(joins.decoys)}`] satisfies Row]
      : []),
    ...(slowReaders > 0
      ? [
          [
            "slow",
            `${formatCount(slowReaders)} more that read ${slowReaderRate === 0 ? "nothing" : `${formatBytes(slowReaderRate)}/s`}, ${behind(joins.slowReaders)}`,
          ] satisfies Row,
        ]
      : []),
  ];
}

const WHAT_MODES_DO: Readonly<Record<ConnectMode, string>> = {
  storm: "all come fast, and are held",
  hold: "all come calmly, and are held",
  churn: "each client has one session after another",
  recover: "connections end together, and their clients come back",
};

function describeConnect(connect: ConnectPlan, clients: number): Row[] {
  const { mode, session, dropShare, reconnect, onOpen } = connect;
  const cutSec = cutAtSec(connect, clients);
  return [
    ["mode", `${mode}: ${WHAT_MODES_DO[mode]}`],
    ...(session === null ? [] : [["sessions", formatSession(session)] satisfies Row]),
    ...(mode === "recover"
      ? [
          [
            "cut",
            dropShare === 0
              ? `none of ours: restart the relay at about ${cutSec} s`
              : `${dropShare * 100} % of the connections, at ${cutSec} s`,
          ] satisfies Row,
        ]
      : []),
    ["reconnect", reconnect],
    ["on open", onOpen === "req" ? "a REQ; usable at its EOSE" : "nothing; usable at once"],
  ];
}

const CHECKS: Readonly<Record<VerifyForm, string>> = {
  rows: "every row of every answer",
  counts: "how many rows each answer has",
  off: "nothing of an answer but its end",
};

const ORDERS: Readonly<Record<KeyOrder, string>> = {
  zipf: "the popular ones most (Zipf)",
  latest: "those with the newest events most",
  uniform: "all alike",
};

function describeQueries(query: QueryPlan, durationSec: number): Row[] {
  const mix = Object.entries(parseQueryMix(query.mix));
  const whole = mix.reduce((sum, [, weight]) => sum + weight, 0);
  const shares = mix
    .toSorted(([, a], [, b]) => b - a)
    .map(([shape, weight]) => `${shape} ${Number(((100 * weight) / whole).toFixed(1))} %`);
  const paged = query.pages > 1 ? `, up to ${query.pages} pages each where a shape has some` : "";
  const live = query.keepLive ? ", left open behind their EOSE" : "";
  return [
    [
      "queries",
      `${formatCount(Math.floor(query.rate * durationSec))} in the window${paged}${live}`,
    ],
    ["shapes", shares.join(", ")],
    [
      "corpus",
      query.corpus === "relay"
        ? "what the relay holds: keys are learnt from it beforehand, rows are held against their filters"
        : `${formatCount(query.corpus)} events made from the seed, loaded before the window unless they are there`,
    ],
    ["keys", ORDERS[query.keys]],
    ["checked", CHECKS[query.verify]],
  ];
}

/** Values of headers may be secrets. */
function describeConnections(plan: Plan): string {
  const { pingSec, headers, clientIpHeader, localIps, compression } = plan;
  const parts = [
    pingSec > 0 ? `pinged every ${pingSec} s` : "not pinged",
    ...headers.map(({ name }) => `with a header \`${name}\``),
    ...(clientIpHeader === null
      ? []
      : [`each with an address of its own in \`${clientIpHeader}\``]),
    ...(localIps === null
      ? []
      : [`from ${counted(localIps.addresses.length, "address", "addresses")}`]),
    ...(compression ? ["offering permessage-deflate"] : []),
  ];
  return parts.join(", ");
}

function describeWindow(plan: Plan, { events, playsOnce }: EventSource): string {
  if (events === undefined) {
    return `${plan.durationSec} s window, at most ${mostSeconds(plan)} s in all`;
  }
  return playsOnce
    ? "and a window until each event of the file was sent once"
    : `${plan.durationSec} s window, less where the file ends before`;
}

function describePlanned(plan: Plan, { events, playsOnce }: EventSource): string {
  if (events !== undefined && playsOnce) return "those of the file, once";
  const most = events === undefined ? "" : "at most ";
  return `${most}${formatCount(Math.floor(plan.rateEps * plan.durationSec))} in the window`;
}

function describePool(plan: Plan, { pool, events }: EventSource): string {
  if (events !== undefined) return `of the events in ${basename(events)}, verified beforehand`;
  return pool ?? `of ${formatCount(eventsNeeded(plan))}, made or kept`;
}

/** Events that are there have a mix of their own. */
function describeMix(
  plan: Plan,
  { pool, events }: EventSource,
  manifest: PoolManifest | null,
): string {
  if (events !== undefined) return "the file's";
  return pool !== undefined && manifest !== null
    ? `${formatMix(manifest.mix)}, the pool's`
    : plan.mix;
}

/** Sizes are those of the pool's own frames: nothing is guessed. */
function describeBytes(planned: number, manifest: PoolManifest | null): string {
  if (manifest === null) return "known once the pool is made";
  const types = Object.entries(manifest.perType).map(([type, { events, bytes }]) => {
    const expected = (planned * events) / manifest.events;
    const mean = formatBytes(bytes / Math.max(1, events));
    return `${type} about ${formatCount(expected)} of ${mean}`;
  });
  const frames = Object.values(manifest.perType).reduce((sum, { bytes }) => sum + bytes, 0);
  const total = formatBytes((planned * frames) / manifest.events);
  return `about ${total} in the window: ${types.join(", ")}; largest ${formatBytes(manifest.largestFrame)}`;
}

async function findManifest(
  plan: Plan,
  { pool, builders, epoch = DEFAULT_EPOCH }: EventSource,
): Promise<PoolManifest | null> {
  if (pool !== undefined) return await readEventsManifest(pool);
  // Of such a pool none is kept.
  if (epoch === "now") return null;
  const { seed } = plan;
  const mix = parseMix(plan.mix, builders?.extra);
  const events = eventsNeeded(plan);
  const id = poolId({ seed, mix, events, epoch, ...builders });
  try {
    return await readPoolManifest(join(POOLS_DIR, id));
  } catch (error) {
    // None is kept that can be used: the run makes one.
    if (error instanceof ConfigError) return null;
    throw error;
  }
}

/** What a name resolves to is not known here. */
function blacklistOf(plan: Plan): readonly string[] {
  const hosts = plan.relays.map(({ host }) => host);
  const names = hosts.filter((host) => parseAddress(host) === undefined);
  if (names.length === 0) return blacklistFor(hosts);
  return [`<each network without an address of ${hosts.join(", ")}>`];
}
