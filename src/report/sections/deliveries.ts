/** What a report says of live delivery: what was owed, what came, how late, in what order, and what it cost publishers. */
import type { CountsOf } from "../../measure/classes.ts";
import { deliveryOf } from "../class-report.ts";
import {
  formatBytes,
  formatCount,
  formatMs,
  formatPercent,
  formatRate,
  NOT_MEASURED,
} from "../format.ts";
import { rankTimes } from "../rank-times.ts";
import { type Added, decoysAdded, mostBytesFrom, type Stage, slowReadersAdded } from "../stages.ts";
import { topicRows } from "../topic-rows.ts";
import type { Report } from "../types.ts";
import { type Block, list, strong, type Text, table, text } from "./document.ts";

const FILTERS = { author: "their authors", tag: "their hashtags", kind: "their kinds" } as const;

/** Nothing for a run in which nobody subscribed. */
export function deliveryBlocks(report: Report): readonly Block[] {
  const { totals: t } = deliveryOf(report);
  if (report.classes.delivery === undefined) return [];
  return [
    text(completeness(report)),
    ...list(losses(report)),
    table(
      "Deliveries by the subscriptions of a topic",
      [
        "subscriptions",
        "#due",
        "#delivered",
        "#missing",
        "#twice",
        "#response p50",
        "#p99",
        "#spread p50",
        "#p99",
      ],
      topicRows(report).map(([name, { totals, times }]) => [
        name,
        formatCount(totals.due),
        formatPercent(completenessOf(totals)),
        formatCount(totals.missing),
        formatCount(totals.duplicate),
        formatMs(times.response.p50),
        formatMs(times.response.p99),
        formatMs(times.spread.p50),
        formatMs(times.spread.p99),
      ]),
    ),
    text(order(report)),
    ...ranks(report),
    text(beforeAndBehindOk(report)),
    ...baseline(report),
    ...decoys(report),
    ...slowReaders(report),
    ...(t.unexpected > 0 ? [text(unexpected(report))] : []),
    {
      kind: "charts",
      ids: ["deliveries", "delivery-times", "delivery-heat", "spread", "completeness"],
    },
  ];
}

function completeness(report: Report): Text {
  const { totals: t, times, rate } = deliveryOf(report);
  const { fanout } = report.config;
  const how = fanout ? `, topics told apart by ${FILTERS[fanout.filter]}` : "";
  const owed = t.due - t.unfinished;
  const complete = completenessOf(t);
  const share =
    t.delivered === owed
      ? `All ${formatCount(owed)}`
      : `${formatCount(t.delivered)} of ${formatCount(owed)}`;
  return [
    strong(`${share} deliveries that were owed came in time`),
    ` (completeness ${complete === null ? NOT_MEASURED : complete.toFixed(6)}): ${formatRate(rate.done, "deliveries/s")}, response p50 ${formatMs(times.response.p50)}, p99 ${formatMs(times.response.p99)}, from when its event was due${how}.`,
  ];
}

/** Of what is known of: what was on its way when the run was cut off is not. */
function completenessOf({ due, unfinished, delivered }: CountsOf<"delivery">): number | null {
  return due === unfinished ? null : delivered / (due - unfinished);
}

/** What became of those that did not come in time. */
function losses(report: Report): readonly string[] {
  const { totals: t } = deliveryOf(report);
  const lost = report.errors
    .filter((error) => error.class === "subscription" || error.class === "unready")
    .map(
      ({ class: of, code, count }) =>
        `${formatCount(count)} ${of === "unready" ? "never ready, " : ""}${code}`,
    );
  const named = lost.length === 0 ? "" : ` (subscriptions: ${lost.join("; ")})`;
  const timeoutMs = report.config.fanout?.deliveryTimeoutMs ?? null;
  return [
    ...(t.missing > 0
      ? [
          `${formatCount(t.missing)} are missing: their subscriptions were open, and got what was published behind them.`,
        ]
      : []),
    ...(t.subscriptionLost > 0
      ? [`${formatCount(t.subscriptionLost)} were lost with their subscription${named}.`]
      : []),
    ...(t.late > 0
      ? [`${formatCount(t.late)} came later than ${formatMs(timeoutMs)} behind their event.`]
      : []),
    ...(t.supersededBefore > 0
      ? [`${formatCount(t.supersededBefore)} were of events that the relay had a newer version of.`]
      : []),
    ...(t.duplicate > 0 ? [`${formatCount(t.duplicate)} frames came a second time.`] : []),
    ...(t.unfinished > 0
      ? [
          `${formatCount(t.unfinished)} more were unfinished: the run was cut off before it was known whether they come.`,
        ]
      : []),
  ];
}

function order(report: Report): string {
  const { totals: t } = deliveryOf(report);
  const turned =
    t.inverted === 0
      ? "No frame came behind one of an event that was published later"
      : `${formatCount(t.inverted)} frames came behind one of an event that was published later`;
  return `${turned}, those of the same second apart (${formatCount(t.invertedTies)}). ${formatCount(t.frames)} frames and ${formatBytes(t.bytes)} were received.`;
}

/** Whether a relay writes to all at once, or to one after another. */
function ranks(report: Report): readonly Block[] {
  const rows = rankTimes(report);
  if (rows.every(({ times }) => times.count === 0)) return [];
  return [
    text(
      "From an event's first receiver to the one with which so many of its receivers have it, over events:",
    ),
    table(
      "Spread by rank of receiver",
      ["receivers", "#events", "#p50", "#p90", "#p99", "#max"],
      rows.map(({ name, times }) => [
        name,
        formatCount(times.count),
        ...[times.p50, times.p90, times.p99, times.max].map(formatMs),
      ]),
    ),
  ];
}

/** Relays deliver before the OK, behind it, or at ticks of their own: both are shown as they are. */
function beforeAndBehindOk(report: Report): string {
  const { behindOk, aheadOfOk } = deliveryOf(report).times;
  const all = behindOk.count + aheadOfOk.count;
  if (all === 0) return "No event had both an OK and a delivery.";
  const part = (count: number, how: string, p50: number | null, p99: number | null) =>
    count === 0
      ? []
      : [
          `of ${formatPercent(count / all)} of the events the first delivery came ${how} the OK, p50 ${formatMs(p50)}, p99 ${formatMs(p99)}`,
        ];
  const parts = [
    ...part(aheadOfOk.count, "before", aheadOfOk.p50, aheadOfOk.p99),
    ...part(behindOk.count, "behind", behindOk.p50, behindOk.p99),
  ];
  const sentence = parts.join("; ");
  return `${sentence.charAt(0).toUpperCase()}${sentence.slice(1)}.`;
}

function baseline(report: Report): readonly Block[] {
  const { okAlone, okBeside } = deliveryOf(report).times;
  if (okAlone.count === 0) return [];
  return [
    text(
      `OK before the subscriptions were opened: p50 ${formatMs(okAlone.p50)}, p99 ${formatMs(okAlone.p99)}; with all of them open: p50 ${formatMs(okBeside.p50)}, p99 ${formatMs(okBeside.p99)}.`,
    ),
  ];
}

/** What subscriptions that match nothing cost, where the window has a part without them. */
function decoys(report: Report): readonly Block[] {
  const added = decoysAdded(report);
  const count = report.config.fanout?.decoys ?? 0;
  if (added === null) return [];
  const { before, beside } = added;
  const cpu = (of: Stage) =>
    of.cpuPercent === null ? NOT_MEASURED : `${of.cpuPercent.toFixed(0)} %`;
  return [
    text(
      `With ${formatCount(count)} subscriptions that match nothing the relay used ${cpu(beside)} of a core at ${formatRate(beside.accepted, "OKs/s")}, and ${cpu(before)} before at ${formatRate(before.accepted, "OKs/s")}; OK p50 ${formatMs(beside.okP50)}, and ${formatMs(before.okP50)} before.`,
    ),
  ];
}

/** What peers that hardly read did to the others, and what became of them. */
function slowReaders(report: Report): readonly Block[] {
  const { slowReaders: slow } = report;
  if (slow === undefined) return [];
  const { opened, readers, refused, ends, fromSec, heldBytes } = slow;
  const notOpen = refused.map(({ how, count }) => `${formatCount(count)}: ${how}`).join("; ");
  const others =
    notOpen === ""
      ? ""
      : ` ${formatCount(readers)} were asked for, and others not open (${notOpen}).`;
  if (fromSec === null) return [text(`No slow reader came to subscribe.${others}`)];
  const cut = ends.reduce((sum, { count }) => sum + count, 0);
  const times = ends.map(({ how, count, firstSec, lastSec }) => {
    const when =
      firstSec === null
        ? ""
        : ` from ${firstSec.toFixed(1)} to ${(lastSec ?? firstSec).toFixed(1)} s`;
    return `${formatCount(count)} by ${how}${when}`;
  });
  const stayed = opened - cut;
  const fate = [...times, ...(stayed > 0 ? [`${formatCount(stayed)} never`] : [])].join(", ");
  const added = slowReadersAdded(report);
  const most = mostBytesFrom(report, fromSec);
  return [
    text([
      strong(
        `From ${fromSec.toFixed(1)} s on ${formatCount(opened)} peers subscribed to ${formatCount(slow.topicsEach)} of ${formatCount(slow.topics)} topics and read ${slow.bytesPerSec === 0 ? "nothing" : `${formatBytes(slow.bytesPerSec)} a second each`}`,
      ),
      `; cut: ${fate}. They took ${formatBytes(slow.bytes)}, and ${formatBytes(slow.drainedBytes)} behind the end; the system held ${heldBytes === null ? "an unknown share" : `up to ${formatBytes(heldBytes)}`} for them.${others}`,
    ]),
    ...(added === null ? [] : [stagesTable(added, most)]),
  ];
}

/** A stage of the window beside the one before it. */
function stagesTable({ before, beside }: Added, mostBytes: number | null): Block {
  const row = (name: string, of: Stage, relayBytes: number | null) => [
    name,
    formatRate(of.accepted, ""),
    formatMs(of.okP50),
    formatMs(of.okP99),
    formatRate(of.delivered, ""),
    formatMs(of.deliveryP50),
    formatMs(of.deliveryP99),
    formatBytes(relayBytes),
  ];
  return table(
    "Others before the slow readers, and beside them: medians of slices of the second half of each stage",
    [
      ...["stage", "#OKs/s", "#OK p50", "#p99", "#deliveries/s", "#response p50", "#p99"],
      "#relay's memory",
    ],
    [row("before", before, before.bytes), row("beside them", beside, mostBytes)],
  );
}

function unexpected(report: Report): string {
  const { totals: t } = deliveryOf(report);
  const parts = [
    [t.unowed, "of events that were not accepted, or published before their subscription was open"],
    [t.stored, "of stored events before EOSE"],
    [t.wrongSubscription, "for a subscription that does not match"],
    [t.foreign, "of events, or for subscriptions, of nobody here"],
  ] as const;
  const said = parts
    .filter(([count]) => count > 0)
    .map(([count, what]) => `${formatCount(count)} ${what}`);
  return `Not owed came ${formatCount(t.unexpected)} frames: ${said.join("; ")}.`;
}
