/** What preflight makes of a relay's answers to events like the run's, each relay wrong in a way of its own. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseRelayUrl } from "../src/guard/relay-url.ts";
import type { Admission } from "../src/node/guard/gate.ts";
import { type Preflight, preflight, refuseStops } from "../src/node/preflight/preflight.ts";
import { describeRelays } from "../src/node/preflight/relay.ts";
import { classifyKind } from "../src/nostr/wire.ts";
import { accept, cut, frame, notice, reject } from "./faulty-relay/frames.ts";
import { type Behaviour, FaultyRelay, type Published } from "./faulty-relay/relay.ts";
import { planOf } from "./fixtures/reports/run.ts";

const isEphemeral = ({ event }: Published) => classifyKind(event.kind) === "ephemeral";

async function check(
  behaviour: Behaviour,
  options: Readonly<Record<string, string>> = {},
  addresses: readonly [string, ...string[]] = ["127.0.0.1"],
): Promise<{ readonly relay: FaultyRelay; readonly result: Preflight }> {
  const relay = new FaultyRelay(behaviour);
  await relay.start();
  try {
    const url = parseRelayUrl(relay.url.replace("127.0.0.1", "localhost"));
    const admission: Admission = { status: "admitted", url, reason: "mine", addresses };
    const plan = planOf({ CLIENTS: "4", DURATION_SEC: "5", RATE_EPS: "20", ...options });
    const request = { plan, admissions: [admission], poolDir: undefined, force: false };
    return { relay, result: await preflight(request) };
  } finally {
    await relay.stop();
  }
}

const probesOf = ({ findings }: Preflight) =>
  findings
    .filter(({ id }) => id === "probe")
    .map(({ level, what, why, remedy }) => `${level}: ${what}; ${why}; ${remedy}`);

function refusalOf(result: Preflight): string {
  try {
    refuseStops(result.findings);
    return "";
  } catch (error) {
    return error instanceof Error ? error.message : "";
  }
}

const SOCIAL = { MIX: "social" };

describe("a relay that is tried with events like the run's", () => {
  const table: readonly [
    what: string,
    behaviour: Behaviour,
    options: Readonly<Record<string, string>>,
    found: readonly RegExp[],
  ][] = [
    ["takes them", {}, {}, [/^ok: .* took 3 events, one of each kind of the run's;/]],
    [
      "resets the connection at each",
      { answer: () => [cut("reset")] },
      {},
      [/^stop: .*the connection ended when an event was published: .*without a Close frame/],
    ],
    [
      "closes the connection at each",
      { answer: () => [cut(1_011)] },
      {},
      [/^stop: .*the connection ended when an event was published: .*with code 1011/],
    ],
    [
      "closes it at large events",
      {
        answer: ({ event }) =>
          JSON.stringify(event).length > 1_000 ? [cut(1_009)] : [accept(event.id)],
      },
      {},
      [
        /^stop: .*`video` \(kind 30078.*code 1009.*took events of up to 0?\.?\d+.* and none of .*raise the relay's limit/,
      ],
    ],
    [
      "refuses by NOTICE alone",
      { answer: () => [notice("Rate limit exceeded. Please slow down.", "other")] },
      {},
      [/^advice: .*by NOTICE and without an OK: `Rate limit exceeded\. Please slow down\.`/],
    ],
    [
      "refuses for good by NOTICE alone",
      { answer: () => [notice("ERROR: event kind not supported here", "other")] },
      {},
      [
        /^stop: .*by NOTICE and without an OK: `ERROR: event kind not supported here`.*clients wait in vain/,
      ],
    ],
    [
      "refuses with an OK that names no event",
      { answer: () => [frame(["OK", "", false, "invalid: 1767225600 is too old"], "rejected")] },
      {},
      [/^stop: .*`invalid: 1767225600 is too old`.*lacks the event's id/],
    ],
    [
      "refuses with an OK for another event",
      { answer: () => [frame(["OK", "7".repeat(64), false, "blocked: not you"], "rejected")] },
      {},
      [/^stop: .*`blocked: not you`.*lacks the event's id/],
    ],
    [
      "says nothing",
      { answer: () => [] },
      {},
      [/^stop: .*did not answer .*no OK in time, no NOTICE; without an OK there is nothing/],
    ],
    [
      "says nothing about ephemeral events",
      { answer: (published) => (isEphemeral(published) ? [] : [accept(published.event.id)]) },
      SOCIAL,
      [
        /^advice: .*did not answer `read-receipt`.*, `typing`.*19 % of the run's events may be timed out/,
      ],
    ],
    [
      "has nobody who listens to ephemeral events",
      {
        answer: (published) =>
          isEphemeral(published)
            ? [reject(published.event.id, "mute", "mute: no one was listening for this")]
            : [accept(published.event.id)],
      },
      SOCIAL,
      [/^ok: .*took \d+ events.*`mute: no one was listening for this`.*counts as unheard/],
    ],
    [
      "takes ephemeral events of the last minute only",
      {
        answer: (published) =>
          isEphemeral(published)
            ? [reject(published.event.id, "invalid", "invalid: ephemeral event expired")]
            : [accept(published.event.id)],
      },
      SOCIAL,
      [
        /^advice: .*`read-receipt`.*`typing`.*19 % of the run's events will be refused alike.*--epoch now/,
      ],
    ],
    [
      "takes other kinds only",
      {
        answer: ({ event }) => [
          reject(event.id, "blocked", "blocked: event kind is blocked by relay"),
        ],
      },
      {},
      [
        /^stop: .*only refusals be measured; let the relay under test take the kinds 1063, 30078, 30079/,
      ],
    ],
    [
      "wants AUTH",
      { answer: ({ event }) => [reject(event.id, "auth-required", "auth-required: sign in")] },
      {},
      [/^stop: .*this tool can't authenticate \(NIP-42\)/],
    ],
    [
      "limits the rate",
      {
        answer: ({ event, place }) =>
          place === 0
            ? [accept(event.id)]
            : [reject(event.id, "rate-limited", "rate-limited: wait")],
      },
      {},
      [/^advice: .*the relay limits the rate/],
    ],
  ];
  for (const [what, behaviour, options, found] of table) {
    it(what, async () => {
      const { result } = await check(behaviour, options);
      const probes = probesOf(result);
      assert.equal(probes.length, found.length, probes.join("\n"));
      for (const [i, pattern] of found.entries()) assert.match(probes[i] ?? "", pattern);
      assert.equal(
        refusalOf(result) !== "",
        found.some((p) => p.source.startsWith("^stop")),
      );
    });
  }

  it("is told from one that is reached at another of its addresses", async () => {
    const { result } = await check({}, {}, ["::1", "127.0.0.1"]);
    assert.equal(refusalOf(result), "");
    assert.deepEqual(result.admissions[0]?.addresses, ["127.0.0.1", "::1"]);
    assert.match(
      result.findings.find(({ id }) => id === "reachable")?.what ?? "",
      /at 127\.0\.0\.1, not at ::1: ECONNREFUSED/,
    );
    const [line = ""] = describeRelays(result.answers);
    assert.match(line, /^localhost:\d+ at 127\.0\.0\.1: software not announced$/);
  });

  it("is tried over one connection", async () => {
    const { relay } = await check({});
    // The other is the request of the document.
    assert.equal(relay.ledger.taken, 2);
  });

  it("is not contacted when this machine can't carry the run", async () => {
    for (const options of [
      { REPORT_DIR: "package.json" },
      { REPORT_DIR: "package.json/reports" },
      { CLIENTS: "20000", RATE_EPS: "100000", DURATION_SEC: "86400" },
    ] as Readonly<Record<string, string>>[]) {
      const { relay, result } = await check({}, options);
      assert.notEqual(refusalOf(result), "");
      assert.equal(relay.ledger.taken, 0);
    }
  });

  it("that refuses the handshake is said to with its status, and what that means", async () => {
    for (const [status, remedy] of [
      [401, /--header/],
      [403, /--header/],
      [404, /port and path/],
      [429, /limits connections from one address/],
      [502, /proxy/],
      [301, /the URL that it leads to/],
    ] as const) {
      const { result } = await check({ handshake: () => status });
      assert.match(refusalOf(result), new RegExp(`HTTP status ${status}`));
      assert.match(refusalOf(result), remedy);
    }
  });
});
