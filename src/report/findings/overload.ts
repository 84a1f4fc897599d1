/** The rate is above what the relay answers; or above what so many places on the connections carry. */
import { formatCount } from "../format.ts";
import { BUSY_HOST } from "../host-use.ts";
import { pointsOf } from "../points.ts";
import type { Report } from "../types.ts";
import { type Backlog, backlogOf } from "./backlog.ts";
import { leadOf } from "./lead.ts";
import { isOutOfProcessor, meanwhileEvidence, meanwhileText } from "./meanwhile.ts";
import { evidence, failureCost, type Rule } from "./rule.ts";
import { partMedians, type RunView } from "./view.ts";

/** The fastest answer takes at least so much of the median: each takes as long when it is alone. */
const ALONE = 0.5;
/** The last fifth against the first: less than this is a relay that gets slower under load. */
const FALLS = 0.85;
/** Places taken on average, from which on waiting for one counts, and how much of it. */
const WAITS = { full: 0.8, leastMs: 10 };

/** Of a rate of publishes that is too high they are no symptoms. */
const OF_QUERIES = ["slow-queries", "costly-shape", "late-answers"];

export const overload: Rule = {
  id: "overload",
  of: ["publish", "query"],
  explains: [
    "timeouts",
    "latency-drift",
    "tail",
    "stalls",
    "slow-start",
    "slow-handshake",
    "queueing",
    "size-latency",
    ...OF_QUERIES,
  ],
  find(view) {
    if (!isOverloaded(view)) return null;
    const backlog = backlogOf(view);
    const { report } = view;
    const { generator } = report;
    const { name, words, times, rate, backpressure, timedOut } = leadOf(report);
    const eps = answeredEps(report, backlog);
    const falling = fallOf(backlog);
    return {
      severity: "major",
      confidence: view.relayCpu === null ? "medium" : "high",
      title: `The relay is at its limit: it ${words.does} about ${about(eps, rate.set)} ${words.many}/s of the ${formatCount(rate.set)} set${falling}`,
      evidence: [
        evidence(`${words.done} ${words.many}/s`, eps, rate.set),
        evidence("due and not answered, least of each fifth", numbers(backlog.lows, 0)),
        evidence(`${words.done} ${words.many}/s by fifths`, numbers(backlog.acceptedEps, 0)),
        evidence(
          "service p50 by fifths, ms",
          numbers(partMedians(view.window, 5, "serviceP50"), 1),
        ),
        evidence(`${name}.totals.backpressure`, backpressure, 0),
        evidence(`${name}.totals.timedOut`, timedOut, 0),
        ...meanwhileEvidence(view),
      ],
      counterEvidence: [
        evidence("generator.scheduleLag.p99", generator.scheduleLag.p99, "high if it is late"),
        evidence("generator.inFlight.mean", generator.inFlight.mean, placesOf(report)),
        evidence(
          `${name}.times.service.min`,
          times.service.min,
          `near ${times.service.p50} if more places would help`,
        ),
      ],
      remediation: `${adviceFor(view)} ${meanwhileText(view)}${lowerBound(view)}`,
      labels: ["performance", "capacity"],
      sparing: name === "query" ? [] : OF_QUERIES,
      cost: (times.response.mean ?? 0) + failureCost(backpressure + timedOut, report),
    };
  },
};

export const queueing: Rule = {
  id: "queueing",
  of: ["publish", "query"],
  explains: ["tail", "latency-drift"],
  find(view) {
    const { report, relayCpu } = view;
    const { generator } = report;
    const { name, words, times, rate, backpressure } = leadOf(report);
    const backlog = backlogOf(view);
    const isShort = backlog.isGrowing && isByPlaces(view, backlog);
    const places = placesOf(report);
    const inFlight = generator.inFlight.mean ?? 0;
    const waitedMs = (times.response.mean ?? 0) - (times.service.mean ?? 0);
    const isWaiting = inFlight >= places * WAITS.full && waitedMs >= WAITS.leastMs;
    if (!isShort && (backlog.isGrowing || !isWaiting)) return null;
    const serviceMs = times.service.p50 ?? 0;
    const carried = about((places / Math.max(0.001, serviceMs)) * 1_000, rate.set);
    return {
      severity: isShort ? "major" : "minor",
      confidence: "medium",
      title: isShort
        ? `${formatCount(places)} ${words.flights} in flight of ${serviceMs.toFixed(0)} ms each carry about ${carried} ${words.many}/s of the ${formatCount(rate.set)} set`
        : `${capital(words.many)} wait ${waitedMs.toFixed(0)} ms for a place on the connections`,
      evidence: [
        evidence("generator.inFlight.mean", inFlight, places),
        evidence(`${name}.totals.backpressure`, backpressure, 0),
        evidence("response − service time, mean ms", waitedMs, WAITS.leastMs),
      ],
      counterEvidence: [
        evidence(
          `${name}.times.service.min`,
          times.service.min,
          `far below ${times.service.p50} if the relay queues`,
        ),
        evidence("in flight by Little's law", generator.inFlight.littlesLaw, inFlight),
        evidence("relay.cpuPercent", relayCpu, "about 100 if it computes"),
      ],
      remediation:
        "Each answer takes as long when it is alone: what the relay could take was not reached. Give more connections or places (--clients, --max-in-flight) if your clients have them, and find what each waits for.",
      labels: ["performance", "capacity"],
      cost: waitedMs + failureCost(backpressure, report),
    };
  },
};

/** Whether the rate is above what the relay answers, and not only above what so many places carry. */
export function isOverloaded(view: RunView): boolean {
  const backlog = backlogOf(view);
  return backlog.isGrowing && !isByPlaces(view, backlog);
}

/**
 * The places are full and even the first event, that found an idle relay, took as long as the others: more
 * places would carry more. Behind a warm-up no event of the window was the first.
 */
function isByPlaces({ report }: RunView, { isFull, isLate }: Backlog): boolean {
  const { min, p50 } = leadOf(report).times.service;
  if (!isFull || isLate || report.config.warmupSec > 0 || min === null || p50 === null)
    return false;
  return min >= p50 * ALONE;
}

function placesOf({ config }: Report): number {
  return config.clients * config.maxInFlight;
}

/** With answers behind the timeout, which the relay worked for as well, until the last one came. */
function answeredEps(report: Report, { isLate }: Backlog): number {
  const { done, late, rate } = leadOf(report);
  const untilSec = (pointsOf(report).at(-1)?.t ?? 0) + report.run.sliceSec;
  return isLate && untilSec > 0 ? (done + (late ?? 0)) / untilSec : rate.done;
}

/** Three figures of the rate that was set: more would be noise. */
function about(eps: number, rateEps: number): string {
  const step = 10 ** (Math.floor(Math.log10(Math.max(1, rateEps))) - 2);
  const rounded = Math.round(eps / step) * step;
  return rounded >= 100 ? formatCount(rounded) : String(Number(rounded.toFixed(1)));
}

function fallOf({ acceptedEps, isLate }: Backlog): string {
  const [first = 0, last = 0] = [acceptedEps[0], acceptedEps.at(-1)];
  const steps = acceptedEps.slice(1).filter((eps, i) => eps < (acceptedEps[i] ?? 0)).length;
  if (isLate || steps < 3 || last > first * FALLS || last > Math.min(...acceptedEps)) return "";
  return `, and falls: ${formatCount(first)} in the first fifth of the run, ${formatCount(last)} in the last`;
}

function adviceFor(view: RunView): string {
  const isOut = isOutOfProcessor(view);
  const each = `each ${leadOf(view.report).words.one}`;
  const { use, hostCpu, report } = view;
  const isHostFull = report.run.sameHost === true && (hostCpu ?? 0) >= BUSY_HOST * 100;
  const percent = (cores: number | null) => ((cores ?? 0) * 100).toFixed(0);
  const where =
    isOut === null
      ? `Find what ${each} waits for: processor, store, lock or disk.`
      : isOut
        ? `Processor is what it lacks: do less for ${each}, or spread the work over more cores.`
        : isHostFull
          ? `Its host had little processor left, of which the relay used ${percent(use.relayCores)} %, the generator ${percent(use.generatorCores)} % and other processes ${percent(use.othersCores)} % of ${use.cpus * 100}: on a host of its own the relay may take more.`
          : `It had processor left: ${each} waits for something else, most often the store, a lock around it, or the disk.`;
  return `${where} Beyond its limit it should refuse at once with \`rate-limited:\` or \`error:\`, which costs clients less than a wait; for response times that mean something load it with less than this.`;
}

function lowerBound(view: RunView): string {
  const { use } = view;
  // Where the relay was not out of processor by itself, it is said already.
  return use.ownShareOfFull === null || isOutOfProcessor(view) !== true
    ? ""
    : ` The generator used ${((use.generatorCores ?? 0) * 100).toFixed(0)} % of a core of the same full host: on a host of its own the relay may take more.`;
}

function capital(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}

function numbers(values: readonly (number | null)[], digits: number): string {
  return values.map((v) => (v === null ? "–" : v.toFixed(digits))).join(", ");
}
