/** What relays say in a run, in virtual time: booked as what it was, and explained by the first finding. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseMix } from "../src/events/mix.ts";
import { messagePrefix } from "../src/nostr/ok.ts";
import { publishOf, setOf } from "../src/report/class-report.ts";
import { withFindings } from "../src/report/findings/engine.ts";
import type { Report } from "../src/report/types.ts";
import { challenge } from "./faulty-relay/answers.ts";
import { accept, acceptLate, cut, frame, notice, reject } from "./faulty-relay/frames.ts";
import { assertCounts, type Beside } from "./faulty-relay/hold.ts";
import type { Published } from "./faulty-relay/relay.ts";
import { sampleOf } from "./fixtures/reports/run.ts";
import { misbehave } from "./k6-world/misbehave.ts";
import { runScenario } from "./k6-world/run.ts";
import type { RelaySide } from "./k6-world/world.ts";
import { keepPool } from "./kept-pool.ts";

const LOAD = {
  MAX_IN_FLIGHT: "1000",
  CLIENTS: "4",
  RATE_EPS: "200",
  DURATION_SEC: "2",
  ACK_TIMEOUT_MS: "500",
};
const EMPTY = "unknownOk/empty id";
const pools = new Map<string, Promise<string>>();

function poolOf(mix: string): Promise<string> {
  return keepPool({ seed: "words", mix: parseMix(mix), events: 500, epoch: 1_767_225_600 });
}

const isEphemeral = ({ event }: Published) => event.kind >= 20_000 && event.kind < 30_000;

interface Trial {
  readonly mix?: string;
  readonly beside?: Beside;
  /** Hold the counts against the ledger: it knows not which events a cut lost. */
  readonly hold?: boolean;
  readonly variables?: Readonly<Record<string, string>>;
}

/** Runs, and holds the counts against the relay's ledger. */
async function run(
  answer: Parameters<typeof misbehave>[0],
  { mix = "view:1", beside = {}, variables = {}, hold = true }: Trial = {},
): Promise<Report> {
  const made = pools.get(mix) ?? poolOf(mix);
  pools.set(mix, made);
  const { relay, ledger } = misbehave(answer);
  const ran = await runScenario(await made, { ...LOAD, ...variables }, relay);
  ledger.taken = ran.dialled;
  ledger.opened = ran.opened;
  if (hold) assertCounts(ran.report, ledger, beside);
  return ran.report;
}

describe("an ephemeral event that nobody listens to", () => {
  for (const text of [
    "mute: no one was listening for this",
    "error: nobody is subscribed",
    "MUTE: dropped",
  ]) {
    it(`is no failure, by \`${text}\``, async () => {
      const report = await run(
        (published) =>
          isEphemeral(published)
            ? [frame(["OK", published.event.id, false, text], "unheard")]
            : [accept(published.event.id)],
        { mix: "social" },
      );
      assert.ok((publishOf(report).totals.unheard ?? 0) > 50);
      assert.equal(publishOf(report).totals.rejected, 0);
      assert.deepEqual(report.errors, []);
      const failed = report.thresholds.find(({ metric }) => metric === "nostr_publish_failed");
      assert.deepEqual([failed?.value, failed?.ok], [0, true]);
      const blaming = report.findings.filter(({ severity }) => severity !== "info");
      assert.deepEqual(blaming, []);
    });
  }

  it("is turned down all the same where the relay gives another reason", async () => {
    const report = await run(
      (published) =>
        isEphemeral(published)
          ? [reject(published.event.id, "invalid", "invalid: ephemeral event expired")]
          : [accept(published.event.id)],
      { mix: "social" },
    );
    assert.equal(publishOf(report).totals.unheard, 0);
    const [error] = report.errors;
    assert.deepEqual([error?.class, error?.reason], ["reject", "age-past"]);
    assert.deepEqual(Object.keys(error?.byType ?? {}).sort(), ["read-receipt", "typing"]);
  });

  it("is rejected where its kind is not ephemeral", async () => {
    const text = "mute: no one was listening for this";
    const report = await run(({ event }) => [reject(event.id, "mute", text)]);
    assert.equal(publishOf(report).totals.unheard, 0);
    assert.equal(report.errors[0]?.reason, "unheard");
  });
});

/** The first finding above what is only worth knowing, and what it explains. */
function first({ findings }: Report) {
  const [finding] = findings;
  assert.ok(finding, "no finding");
  return finding;
}

const symptoms = ({ findings }: Report, of: string) =>
  findings.filter(({ labels }) => labels.includes(`symptom-of:${of}`)).map(({ id }) => id);

describe("a refusal", () => {
  const table = [
    ["rate-limited", "rate-limit: you note too much"],
    ["rate-limited", "Rate limit exceeded"],
    ["refused-by-policy", "blocked: only certain pubkeys are allowed to post here"],
    ["too-large", "rejected: content is longer than 100 bytes"],
    ["too-old", "invalid: created_at too early"],
    ["too-new", "blocked: event too much in the future"],
    ["storage-errors", "error: no space left on device"],
    ["busy-refusals", "error: queue is full"],
    ["auth-wanted", "auth-required: must be published by authenticated event author"],
    ["payment-wanted", "restricted: payment required - 21 sats"],
    ["proof-of-work-wanted", "28 bits of work needed"],
    ["relay-stopping", "error: relay is restarting"],
    ["signatures-refused", "invalid: id is computed incorrectly"],
    ["unheard-kinds", "mute: no one was listening for this"],
    ["rejected", "error: something odd"],
  ] as const;
  for (const [id, text] of table) {
    it(`is told by its words: ${id} for \`${text}\``, async () => {
      const report = await run(({ event, place }) =>
        place % 3 === 0
          ? [frame(["OK", event.id, false, text], "rejected", `reject/${messagePrefix(text)}`)]
          : [accept(event.id)],
      );
      assert.equal(first(report).id, id);
      assert.ok(first(report).evidence.some(({ reference }) => reference === text));
    });
  }

  it("of kinds names them and their types, and no type that was taken", async () => {
    const report = await run(
      ({ event }) =>
        event.kind === 1_063 || event.kind === 20_002
          ? [reject(event.id, "blocked", `blocked: event kind ${event.kind} not allowed`)]
          : [accept(event.id)],
      { mix: "typing:0.5,video:0.5" },
    );
    const finding = first(report);
    assert.equal(finding.id, "kind-refused");
    assert.match(finding.title, /1063, 20002 \((video, typing|typing, video)\)/);
    assert.ok((setOf(report).rows.video?.totals.partial ?? 0) > 0);
  });

  it("by a limit on bursts cuts sets apart, and the finding speaks of the sets", async () => {
    const tokens = new Map<RelaySide, { atMs: number; left: number }>();
    const report = await run(
      ({ event, receivedMs }, socket) => {
        // Two a second for each connection, on which a set comes at once.
        const bucket = tokens.get(socket) ?? { atMs: receivedMs, left: 2 };
        bucket.left = Math.min(2, bucket.left + ((receivedMs - bucket.atMs) * 2) / 1_000);
        bucket.atMs = receivedMs;
        tokens.set(socket, bucket);
        if (bucket.left < 1) return [reject(event.id, "rate-limited", "rate-limited: slow down")];
        bucket.left--;
        return [accept(event.id)];
      },
      { mix: "video-rich:1", variables: { RATE_EPS: "10", CLIENTS: "5", DURATION_SEC: "20" } },
    );
    const finding = first(report);
    assert.equal(finding.id, "sets-cut", finding.title);
    assert.ok(symptoms(report, "sets-cut").includes("rate-limited"));
  });
});

describe("a refusal in the wrong form", () => {
  for (const text of ["Rate limit exceeded. Please slow down.", "No thanks"]) {
    it(`is told when it is a NOTICE alone: \`${text}\``, async () => {
      const report = await run(({ event, place }) =>
        place % 3 === 0 ? [accept(event.id)] : [notice(text, "other")],
      );
      const finding = first(report);
      assert.equal(finding.id, "refused-by-notice");
      assert.ok(finding.title.includes(text));
      assert.ok(symptoms(report, "refused-by-notice").includes("silent-drops"));
    });
  }

  it("is told when the connection ends behind its NOTICE", async () => {
    const text = "blocked: pubkey is not on the list";
    const report = await run(
      ({ place }) => [notice(text, "blocked"), ...(place % 40 === 39 ? [cut(1008)] : [])],
      { hold: false },
    );
    assert.equal(first(report).id, "refused-by-notice");
    assert.ok(first(report).title.includes(text) && publishOf(report).totals.lost > 0);
  });

  it("is told when its OK has no id, with its words, and explains what is not answered", async () => {
    const text = "invalid: 1767225600 is too old";
    const report = await run(() => [frame(["OK", "", false, text], "unknownOk", EMPTY)]);
    const finding = first(report);
    assert.equal(finding.id, "refused-without-id");
    assert.ok(finding.title.includes(text) && /age/.test(finding.remediation));
    const error = report.errors.find((e) => e.class === "unknownOk");
    assert.deepEqual([error?.code, error?.reason], ["empty id", "age-past"]);
    assert.ok(error?.example.includes(text));
    const explained = symptoms(report, "refused-without-id");
    assert.ok(explained.includes("silent-drops") && explained.includes("protocol-faults"));
  });

  it("is none where each event has its answer besides", async () => {
    const report = await run(({ event }) => [
      reject(event.id, "error", "error: no"),
      frame(["OK", event.id, false, "error: no"], "unknownOk", "unknownOk/unmatched"),
    ]);
    assert.ok(!report.findings.some(({ id }) => id === "refused-without-id"));
    assert.ok(report.findings.some(({ id }) => id === "protocol-faults"));
  });
});

describe("kinds that are not answered", () => {
  for (const [mix, kind, type] of [
    ["social", 20_002, "typing"],
    ["view:0.5,video:0.5", 1_063, "video"],
  ] as const) {
    it(`are named, ${kind} of ${type}, and no queue is blamed`, async () => {
      const report = await run(({ event }) => (event.kind === kind ? [] : [accept(event.id, 1)]), {
        mix,
      });
      const finding = first(report);
      assert.equal(finding.id, "unanswered-kinds", finding.title);
      assert.ok(finding.title.includes(`kind ${kind} (${type})`), finding.title);
      assert.ok(symptoms(report, "unanswered-kinds").includes("silent-drops"));
    });
  }

  it("are none where any event may be without an answer", async () => {
    const report = await run(({ event, place }) => (place % 5 === 0 ? [] : [accept(event.id)]), {
      mix: "social",
    });
    assert.equal(first(report).id, "silent-drops");
  });
});

describe("a challenge that stands in the way of nothing", () => {
  it("is a line and no fault", async () => {
    const report = await run(({ event, place }) => [
      ...(place < 4 ? [challenge] : []),
      accept(event.id),
    ]);
    assert.deepEqual(
      report.findings.map(({ id, severity }) => [id, severity]),
      [["auth-challenge", "info"]],
    );
  });
});

describe("a limit by delay", () => {
  /** Each second lets so many through; the others wait for theirs. */
  const throttled = async (perSecond: number) => {
    let second = 0;
    let left = perSecond;
    return run(
      ({ event, receivedMs }) => {
        if (left === 0 || receivedMs >= (second + 1) * 1_000) {
          second = Math.max(second + 1, Math.floor(receivedMs / 1_000));
          left = perSecond;
        }
        left--;
        return [accept(event.id, Math.max(0, second * 1_000 - receivedMs))];
      },
      {
        variables: {
          ...{ RATE_EPS: "40", DURATION_SEC: "12", CLIENTS: "10" },
          ...{ MAX_IN_FLIGHT: "1", ACK_TIMEOUT_MS: "2000" },
        },
        beside: { heldBack: true },
      },
    );
  };
  const measured = (report: Report, cpuPercent: number): Report =>
    withFindings({
      ...report,
      resources: {
        ...{ relayProcess: null, relayMetrics: [], notMeasured: [] },
        samples: Array.from({ length: 11 }, (_, t) =>
          sampleOf({ t: t + 0.5, process: "relay", cpuPercent }),
        ),
      },
    });

  it("of an idle relay is told with the rate that it lets through, and explains the waiting", async () => {
    const report = measured(await throttled(10), 4);
    assert.equal(first(report).id, "throttled", first(report).title);
    assert.match(first(report).title, /about (10|11) events\/s/);
    assert.ok(symptoms(report, "throttled").length > 0);
  });

  it("is told too where every answer behind a burst comes too late", async () => {
    // As nostr-rs-relay: what it allows in a minute at once, then so many a second, first come, first served.
    let freeAtMs = 0;
    const sleeping = await run(
      ({ event, place, receivedMs }) => {
        if (place < 120) return [accept(event.id)];
        freeAtMs = Math.max(freeAtMs, receivedMs) + 200;
        const waitsMs = freeAtMs - receivedMs;
        return [(waitsMs < 1_450 ? accept : acceptLate)(event.id, waitsMs)];
      },
      {
        variables: {
          ...{ RATE_EPS: "40", DURATION_SEC: "12", CLIENTS: "4" },
          ...{ MAX_IN_FLIGHT: "200", ACK_TIMEOUT_MS: "1500" },
        },
        beside: { heldBack: true },
      },
    );
    const report = measured(sleeping, 2);
    assert.ok(report.frames.lateOk > 0 && publishOf(report).totals.timedOut > 200);
    assert.equal(first(report).id, "throttled", first(report).title);
    assert.match(first(report).title, /about [3-6]\.\d events\/s/);
    assert.ok(!measured(sleeping, 95).findings.some(({ id }) => id === "throttled"));
  });

  it("is not told of a relay that computes, or whose work was not seen", async () => {
    const report = await throttled(10);
    for (const one of [report, measured(report, 95)]) {
      assert.ok(one.findings.length > 0);
      assert.ok(!one.findings.some(({ id }) => id === "throttled"));
    }
  });
});
