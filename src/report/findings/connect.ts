/** Connections that are open and no good, or that come back more slowly than they came: of runs that are about them. */

import type { ClassRowReport } from "../class-types.ts";
import { counted } from "../format.ts";
import { recoveryOf } from "../recovery.ts";
import { countErrors, errorEvidence, evidence, failureCost, type Rule, shareOf } from "./rule.ts";

/** Coming back together takes longer by so much than coming at the calm rate, and is felt. */
const HERD = { times: 5, leastMs: 100, leastCount: 20 };

const WAITS = { connect: "times.connect", usable: "times.usable less times.response" } as const;

const isMute = (name: string, code: string) => name === "timeout" && code === "no EOSE";
const isAnswer = (name: string, code: string) =>
  name === "closed" || name === "auth" || isMute(name, code);

export const deadConnections: Rule = {
  id: "dead-connections",
  of: ["connection"],
  explains: [],
  find({ report }) {
    const { totals, times } = report.classes.connection;
    const { probes = 0, unanswered = 0, dropped, openAtEnd } = totals;
    if (unanswered === 0) return null;
    return {
      severity: "major",
      confidence: unanswered >= 3 ? "high" : "medium",
      title: `Connections that look open are dead: ${unanswered} of ${counted(probes, "probe")} had no answer`,
      evidence: [
        evidence("connection.totals.unanswered", unanswered, 0),
        evidence("connection.totals.probes", probes),
        ...errorEvidence(report, (name, code) => name === "timeout" && code.includes("probe")),
      ],
      counterEvidence: [
        evidence("connection.totals.dropped", dropped, "ended meanwhile: those are no dead ones"),
        evidence(
          "connection.times.probe.p99",
          times.probe?.p99 ?? null,
          "near the timeout if slow",
        ),
        evidence("connection.totals.openAtEnd", openAtEnd, "their Close frame had no answer"),
      ],
      remediation:
        "Something holds sockets open that nobody serves: a relay whose connection tasks hang, or a proxy, NAT or load balancer that forgot the other side. Clients see it only by asking: let the relay ping and drop who does not answer, and look for what is lost in between.",
      labels: ["connections", "reliability"],
      cost: (unanswered / probes) * 1_000,
    };
  },
};

export const unusableConnections: Rule = {
  id: "unusable-connections",
  of: ["connection"],
  explains: [],
  find({ report }) {
    const { asked = 0, usable = 0, refused = 0, mute = 0 } = report.classes.connection.totals;
    // Those that were ended before an answer are another matter.
    const silent = Math.min(mute, countErrors(report, isMute));
    const unusable = refused + silent;
    if (unusable === 0) return null;
    const { timedOut: unheard = 0, refused: unknown = 0 } = report.classes.auth?.totals ?? {};
    const ways = [
      [refused - unheard - unknown, "CLOSED came instead of EOSE"],
      [silent, "no EOSE came"],
      [unknown, "their AUTH was refused"],
      [unheard, "no OK came to their AUTH"],
    ] as const;
    const [, how] = ways.reduce((most, way) => (way[0] > most[0] ? way : most));
    return {
      severity: shareOf(unusable, report) >= 0.01 ? "major" : "minor",
      confidence: "high",
      title: `${counted(unusable, "connection")} opened and could not be used: ${how}`,
      evidence: [
        evidence("connection.totals.refused", refused, 0),
        evidence("no EOSE in time", silent, 0),
        ...(unknown === 0 ? [] : [evidence("auth.totals.refused", unknown, 0)]),
        ...(unheard === 0 ? [] : [evidence("auth.totals.timedOut", unheard, 0)]),
        ...errorEvidence(report, isAnswer),
        // A relay may refuse in the wrong form.
        ...errorEvidence(report, (name) => name === "notice"),
      ],
      counterEvidence: [evidence("connection.totals.usable", usable, asked)],
      remediation:
        'A handshake is no service: the relay opened these and did not answer `{"kinds":[1],"limit":1}`. Its words say why where there are some (a limit on subscriptions; authentication, which `--on-open auth` does); without any, its query workers were behind. AUTH without an OK is a relay that does not answer it, as NIP-42 wants (nostr-rs-relay 0.8.12 says nothing to one that it took).',
      labels: ["connections", "performance"],
      cost: failureCost(unusable, report),
    };
  },
};

export const slowRecovery: Rule = {
  id: "slow-recovery",
  of: ["connection"],
  explains: ["slow-handshake"],
  find({ report, relayCpu }) {
    const { rows } = report.classes.connection;
    const slower = (["connect", "usable"] as const)
      .map((time) => waitsOf(time, rows.ramp, rows.recovery))
      .find((waits) => waits !== null);
    if (!slower) return null;
    const { time, calmMs, backMs } = slower;
    const [, , most] = recoveryOf(report)?.afterMs ?? [];
    return {
      severity: backMs >= 1_000 ? "major" : "minor",
      confidence: "high",
      title: `A herd: ${time === "connect" ? "handshakes take" : "the first EOSE takes"} ${(backMs / calmMs).toFixed(0)} times as long when clients come back together`,
      evidence: [
        evidence(`${WAITS[time]} of rows.recovery, median ms`, backMs, calmMs),
        evidence("99 % could use the relay again, ms", most?.[1] ?? null),
        evidence("config.connect.reconnect", report.config.connect?.reconnect ?? null),
      ],
      counterEvidence: [
        evidence(`${WAITS[time]} of rows.ramp, median ms`, calmMs, "the same relay, calmly"),
        evidence("relay.cpuPercent", relayCpu, 80),
      ],
      remediation: `A restart brings all clients back in the same second, each with its REQs: ${
        time === "connect"
          ? "take handshakes at a bounded rate and answer the others with 503 and Retry-After, let accepts not wait for queries, widen the backlog (`somaxconn`)"
          : "the handshakes went well and the queries behind them queued: let them not all run at once, and answer the same REQ of many clients from one look at the store"
      }, and end connections over some seconds where a restart is planned.`,
      labels: ["connections", "performance", "capacity"],
      cost: backMs - calmMs,
    };
  },
};

type Phase = ClassRowReport<"connection"> | undefined;

/**
 * Medians as clients came calmly and as they came back: of the handshake, or of the answer behind it; `null` where the crowd
 * made no difference. What is due together is opened one after the other: that wait is the generator's, and in neither.
 */
function waitsOf(time: "connect" | "usable", calm: Phase, back: Phase) {
  const medianOf = (phase: Phase): number => {
    const { connect, usable, response } = phase?.times ?? {};
    return time === "connect" ? (connect?.p50 ?? 0) : (usable?.p50 ?? 0) - (response?.p50 ?? 0);
  };
  const [calmMs, backMs] = [medianOf(calm), medianOf(back)];
  // Reports from before there was a time for it have none.
  const { count = 0 }: { readonly count?: number } = back?.times[time] ?? {};
  if (count < HERD.leastCount || calmMs <= 0) return null;
  if (backMs < HERD.leastMs || backMs < calmMs * HERD.times) return null;
  return { time, calmMs, backMs };
}
