/** What a run is refused for, or told, before it starts: held against relays that behave in every odd way. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { WebSocketServer } from "ws";
import { ConfigError } from "../src/errors.ts";
import { parseMix } from "../src/events/mix.ts";
import { parseRelayUrl } from "../src/guard/relay-url.ts";
import type { Admission } from "../src/node/guard/gate.ts";
import { makePool } from "../src/node/pool/make.ts";
import { replayFile } from "../src/node/pool/replay.ts";
import type { ReplayTimes } from "../src/node/pool/replay-event.ts";
import { judgeCompression } from "../src/node/preflight/compression.ts";
import { type Finding, renderFindings } from "../src/node/preflight/finding.ts";
import { judgeDisk, judgeFolder, judgeHere } from "../src/node/preflight/here.ts";
import { isRateLimit, judgeProbe } from "../src/node/preflight/judge.ts";
import { countLeft, describeLeft } from "../src/node/preflight/left.ts";
import { judgeMachine, type MachineLimits, type PoolSize } from "../src/node/preflight/machine.ts";
import { preflight, refuseStops } from "../src/node/preflight/preflight.ts";
import { type ProbeTimes, probeRelay } from "../src/node/preflight/probe.ts";
import { judgeRelayFiles, parseFileLimit } from "../src/node/preflight/relay-files.ts";
import { makeSample } from "../src/node/preflight/sample.ts";
import type { RunRequest } from "../src/node/run/driven.ts";
import { carryOut } from "../src/node/run/run.ts";
import { classifyKind } from "../src/nostr/wire.ts";
import type { Plan } from "../src/plan/plan.ts";
import { SCENARIO_NAMES, type ScenarioName } from "../src/plan/scenarios.ts";
import { DEFAULT_EPOCH } from "../src/pool/plan.ts";
import { accept, cut, frame, notice, reject } from "./faulty-relay/frames.ts";
import { type Behaviour, type FaultyRelay, startFaultyRelay } from "./faulty-relay/relay.ts";
import { planOf } from "./fixtures/reports/run.ts";
import { sign } from "./relay-client.ts";

type Answer = NonNullable<Behaviour["answer"]>;

/** A relay that waits for nothing gives up soon. */
const SOON: ProbeTimes = { handshakeMs: 2_000, answerMs: 5_000, afterNoticeMs: 100, settleMs: 50 };
/** For relays that say nothing; an answer that is there is never waited for in so short a time. */
const SILENT_MS = 600;
const YESTERDAY = Math.floor(Date.now() / 86_400_000 - 1) * 86_400;

function admit(relay: Pick<FaultyRelay, "url">): Admission {
  const url = parseRelayUrl(`${relay.url}/in/box?k=v`);
  return { status: "admitted", url, reason: "mine", addresses: ["127.0.0.1"] };
}

interface Options {
  readonly mix?: string;
  readonly poolDir?: string | undefined;
  readonly replay?: (times: ReplayTimes) => Promise<{ poolDir: string; plan: Plan }>;
  readonly force?: boolean;
}

async function withRelay<T>(
  behaviour: Behaviour,
  use: (relay: FaultyRelay) => Promise<T>,
): Promise<T> {
  const relay = await startFaultyRelay(behaviour);
  try {
    return await use(relay);
  } finally {
    await relay.stop();
  }
}

/** Preflight as a run has it. */
async function ask(behaviour: Behaviour, options: Options = {}) {
  const { mix = "view:0.9,video:0.1", poolDir, replay, force = false } = options;
  return await withRelay(behaviour, async (relay) => {
    const plan = planOf({ CLIENTS: "4", DURATION_SEC: "5", RATE_EPS: "20", MIX: mix });
    const admissions = [admit(relay)];
    const result = await preflight({ plan, admissions, poolDir, replay, force });
    return { ...result, ledger: relay.ledger };
  });
}

/** The probe alone, with a relay that it need not wait for. */
async function tryMix(
  behaviour: Behaviour,
  mixText = "view:0.9,video:0.1",
  answerMs = SOON.answerMs,
) {
  const mix = parseMix(mixText);
  const sample = await makeSample(mixText, { epoch: DEFAULT_EPOCH });
  const events = sample.probes.map(({ event }) => event);
  return await withRelay(behaviour, async (relay) => {
    const probe = await probeRelay(admit(relay), events, isRateLimit, { ...SOON, answerMs });
    return { ...judgeProbe({ label: "r", sample, mix, probe }), probe, ledger: relay.ledger };
  });
}

function namesOf(findings: readonly Finding[]): string[] {
  return findings.filter(({ level }) => level !== "ok").map(({ id, level }) => `${level} ${id}`);
}

/** What is said under an id, at whatever level. */
function said(findings: readonly Finding[], id: string, level?: Finding["level"]): string {
  return findings
    .filter((finding) => finding.id === id && (level === undefined || finding.level === level))
    .map(({ what, why, remedy }) => [what, why, remedy].filter((text) => text !== "").join(" | "))
    .join("\n");
}

const refusing =
  (refused: (kind: number, createdAt: number, bytes: number) => boolean, text: string): Answer =>
  ({ event }) => {
    const code = text.split(":")[0] ?? "";
    const isRefused = refused(event.kind, event.created_at, event.content.length);
    return [isRefused ? reject(event.id, code, text) : accept(event.id)];
  };
const isEphemeral = (kind: number) => classifyKind(kind) === "ephemeral";

describe("a relay that takes everything", () => {
  it("is tried with one event of each type and kind, the largest and the oldest, and asked once", async () => {
    const { findings, ledger, left, times, timesNote } = await ask({}, { mix: "social" });
    assert.deepEqual(namesOf(findings), []);
    const kinds = new Set(ledger.events.map(({ kind }) => kind));
    assert.deepEqual(
      [...kinds].sort((a, b) => a - b),
      [0, 1, 7, 16, 1063, 1111, 10_002, 20_001, 20_002, 30_078],
    );
    assert.ok(ledger.events.length <= kinds.size + 2);
    assert.equal(new Set(ledger.events.map(({ id }) => id)).size, ledger.events.length);
    assert.equal(ledger.opened, 1);
    // Ephemeral events are not kept.
    const kept = ledger.events.filter(({ kind }) => !isEphemeral(kind)).length;
    assert.equal(
      left.reduce((sum, { count }) => sum + count, 0),
      kept,
    );
    assert.deepEqual(times, { epoch: DEFAULT_EPOCH, spanSec: 86_400, follows: false });
    assert.equal(timesNote, null);
  });

  it("is tried all the same when its document is complete, for limits that nobody announces", async () => {
    const document = {
      software: "https://example.com/relay",
      version: "1.2",
      limitation: { max_message_length: 131_072, created_at_lower_limit: 1e9 },
    };
    const answer = refusing((_, __, bytes) => bytes > 65_536, "invalid: event too large: 100000");
    const { findings } = await ask({ document, answer }, { mix: "padded:100000:0.2,note:0.8" });
    assert.deepEqual(namesOf(findings), ["advice probe"]);
    assert.match(said(findings, "probe", "advice"), /20 % of the run's events: padded:100000/);
    assert.match(said(findings, "probe", "advice"), /of 100,0\d\d bytes, while it took \d{3}\b/);
    assert.match(said(findings, "probe", "advice"), /--mix note:0\.8$/);
    assert.match(said(findings, "nip-11"), /example\.com\/relay, 1\.2\) announces nothing/);
    const alone = await ask({ document, answer }, { mix: "padded:100000:1" });
    assert.deepEqual(namesOf(alone.findings), ["stop probe"]);
  });

  it("is not asked at all with --force", async () => {
    const { findings, ledger } = await ask({}, { force: true });
    assert.equal(ledger.taken, 0);
    assert.deepEqual(namesOf(findings), []);
  });
});

describe("events that a relay refuses", () => {
  it("that are a part of the mix are told with their share, types, words and a mix without them", async () => {
    const answer = refusing(isEphemeral, "invalid: ephemeral event expired");
    const { findings, timesNote } = await ask({ answer }, { mix: "note:0.75,typing:0.25" });
    assert.deepEqual(namesOf(findings), ["advice probe"]);
    const text = said(findings, "probe", "advice");
    assert.match(text, /refuses 25 % of the run's events: typing \(kind 20002\): `invalid: eph/);
    assert.match(text, /rejectEphemeralEventsOlderThanSeconds/);
    assert.match(text, /--mix note:0\.75$/);
    // A younger pool would not help, and is not made.
    assert.equal(timesNote, null);
  });

  it("that nobody listens to are fine", async () => {
    const answer = refusing(isEphemeral, "mute: no one was listening for this");
    const { findings } = await ask({ answer }, { mix: "note:0.5,typing:0.5" });
    assert.deepEqual(namesOf(findings), []);
    assert.match(said(findings, "unheard"), /typing \(kind 20002\) with `mute: no one/);
    const deaf = refusing((kind) => !isEphemeral(kind), "mute: you are muted here");
    assert.deepEqual(
      namesOf((await ask({ answer: deaf }, { mix: "note:0.5,typing:0.5" })).findings),
      ["advice probe"],
    );
  });

  it("for their kinds are named, with a mix that was tried and taken", async () => {
    const answer = refusing((kind) => kind !== 1, "blocked: event kind is blocked by relay");
    const { findings, left } = await ask({ answer });
    assert.deepEqual(namesOf(findings), ["stop probe"]);
    assert.match(said(findings, "probe"), /the kinds 30079, 30078, 1063.*--mix note:1$/);
    assert.deepEqual(left, [{ kind: 1, count: 1 }]);
    const none = await ask({ answer: refusing(() => true, "blocked: event kind 1 not allowed") });
    assert.doesNotMatch(said(none.findings, "probe"), /--mix/);
  });

  for (const [text, remedy] of [
    ["auth-required: members only", /this tool can't authenticate \(NIP-42\)/],
    ["pow: 28 bits needed", /without proof of work/],
    ["restricted: payment required - 21 sats", /have paid for nothing/],
    ["blocked: pubkey is not allowed to publish to this relay", /events of any key/],
    ["invalid: event too large: 70001", /limit on the size/],
    ["error: no space left on device", /its disk/],
    ["go away\u0007", /its limits and its log/],
    ["", /its limits and its log/],
  ] as const) {
    it(`all with \`${text}\` stop the run, once`, async () => {
      const { findings } = await ask({ answer: refusing(() => true, text) });
      assert.deepEqual(namesOf(findings), ["stop probe"]);
      assert.match(said(findings, "probe"), remedy);
      assert.ok(!said(findings, "probe").includes("\u0007"));
      assert.throws(
        () => refuseStops(findings),
        (error: Error) => error.message.split("\n").length === 2,
      );
    });
  }

  it("for a rate use up no more of it", async () => {
    const answer: Answer = ({ event, place }) =>
      place < 2 ? [accept(event.id)] : [reject(event.id, "x", "Rate limit exceeded")];
    const { findings, ledger } = await ask({ answer });
    assert.equal(ledger.events.length, 3);
    assert.deepEqual(namesOf(findings), ["advice probe"]);
    assert.match(said(findings, "probe", "advice"), /the 3rd of the probe's events: `Rate limit/);
  });
});

describe("a relay that ends the connection", () => {
  it("at every event stops the run, with a try for each of three", async () => {
    const { findings, ledger } = await tryMix({ answer: () => [cut("reset")] }, "social");
    assert.deepEqual(namesOf(findings), ["stop probe"]);
    assert.match(said(findings, "probe"), /the connection ended when an event was published/);
    assert.equal(ledger.events.length, 3);
  });

  it("at one type is told, with the type", async () => {
    const answer: Answer = ({ event }) => [event.kind === 1063 ? cut("end") : accept(event.id)];
    const { findings } = await tryMix({ answer });
    assert.deepEqual(namesOf(findings), ["advice probe"]);
    assert.match(
      said(findings, "probe", "advice"),
      /\d+ % of the run's events: video \(kind 1063\)/,
    );
  });

  it("at what is too large is told with both sizes", async () => {
    const answer: Answer = ({ event }) => [
      event.content.length > 65_536 ? cut(1009) : accept(event.id),
    ];
    const { findings } = await tryMix({ answer }, "padded:100000:0.2,note:0.8");
    const text = said(findings, "probe", "advice");
    assert.match(text, /with code 1009\): 20 % .* of 100,0\d\d bytes, while it took \d{3}\b/);
  });

  it("for good is told as gone", async () => {
    const answer: Answer = (_, relay) => {
      void relay.vanish();
      return [];
    };
    const { findings } = await tryMix({ answer });
    assert.deepEqual(namesOf(findings), ["stop probe", "stop reachable"]);
    assert.match(said(findings, "reachable", "stop"), /any more behind that event: ECONNREFUSED/);
  });

  it("as soon as it is open is told so, and sent nothing", async () => {
    const { findings, ledger } = await tryMix({ greet: () => [cut(1008)] });
    assert.deepEqual(namesOf(findings), ["stop reachable"]);
    assert.match(said(findings, "reachable"), /as soon as they are open, with code 1008/);
    assert.equal(ledger.events.length, 0);
  });
});

describe("a relay that gives no OK", () => {
  it("but a NOTICE stops the run with its words", async () => {
    const answer: Answer = () => [notice("Rate limit exceeded. Please slow down.", "other")];
    const { findings } = await tryMix({ answer });
    assert.deepEqual(namesOf(findings), ["stop probe"]);
    assert.match(
      said(findings, "probe"),
      /a NOTICE in place of an OK to all .*: `Rate limit exceeded\. Please slow down\.`.*limit on rates/,
    );
  });

  it("at all stops the run, and says how to go on", async () => {
    const { findings, ledger } = await tryMix({ answer: () => [] }, "social", SILENT_MS);
    assert.deepEqual(namesOf(findings), ["stop probe"]);
    assert.match(said(findings, "probe"), /gives no OK for all .*`--force` goes on/);
    assert.equal(ledger.events.length, 3);
  });

  it("for some types is told with their share", async () => {
    const answer: Answer = ({ event }) => (isEphemeral(event.kind) ? [] : [accept(event.id)]);
    const { findings } = await tryMix({ answer }, "note:0.5,typing:0.5", SILENT_MS);
    assert.deepEqual(namesOf(findings), ["advice probe"]);
    assert.match(said(findings, "probe", "advice"), /no OK for 50 % .* typing \(kind 20002\)/);
  });

  it("in time, but later, is not taken for one of the next event", async () => {
    const answer: Answer = ({ event, place }) => [accept(event.id, [650, 400][place] ?? 0)];
    const { probe } = await tryMix({ answer }, "view:0.9,video:0.1", SILENT_MS);
    assert.ok(probe.status === "reached");
    assert.deepEqual(probe.answers.map(({ outcome, wrongId }) => [outcome, wrongId]).slice(0, 2), [
      ["silent", false],
      ["accepted", false],
    ]);
  });

  it("with the id of its event is understood, and told", async () => {
    const tooOld = frame(["OK", "", false, "invalid: 1767225600 is too old"], "unknownOk");
    const answer: Answer = ({ event }) =>
      event.created_at < YESTERDAY ? [tooOld] : [accept(event.id)];
    const { findings, refusesAge } = await tryMix({ answer });
    assert.equal(refusesAge, true);
    assert.deepEqual(namesOf(findings), ["stop probe", "advice ok-id"]);
    assert.match(said(findings, "probe"), /`invalid: 1767225600 is too old`/);
    const { times } = await ask({ answer });
    assert.equal(times.epoch, YESTERDAY);
  });
});

describe("a relay that takes young events only", () => {
  const week = 604_800;
  const nowSec = () => Date.now() / 1_000;
  const youngerThan = (sec: number) =>
    refusing((_, createdAt) => createdAt < nowSec() - sec, "invalid: created_at too early");
  const announcing = (sec: number) => ({
    limitation: { max_message_length: 131_072, created_at_lower_limit: sec },
  });

  for (const [how, behaviour] of [
    ["by its document", { document: announcing(week) }],
    ["by its answers", { answer: youngerThan(week) }],
  ] as const) {
    it(`gets a pool of yesterday (${how})`, async () => {
      const { findings, times, timesNote } = await ask(behaviour);
      assert.deepEqual(namesOf(findings), []);
      assert.equal(times.epoch, YESTERDAY);
      assert.match(timesNote ?? "", /takes no events as old/);
    });
  }

  for (const [how, behaviour] of [
    ["by its document", { document: announcing(3_600), answer: youngerThan(3_600) }],
    ["by its answers", { answer: youngerThan(3_600) }],
    ["of minutes", { answer: youngerThan(120) }],
  ] as const) {
    it(`gets a pool with the times of the run (${how})`, async () => {
      const { findings, times, timesNote } = await ask(behaviour);
      assert.deepEqual(namesOf(findings), []);
      assert.ok(times.follows && times.spanSec === 5);
      assert.ok(Math.abs(times.epoch - nowSec()) < 60);
      assert.match(timesNote ?? "", /they get the times of the run/);
    });
  }

  it("of seconds stops the run with one thing to do", async () => {
    const { findings } = await ask({ document: announcing(5) });
    assert.deepEqual(namesOf(findings), ["stop created-at"]);
    assert.match(
      said(findings, "created-at"),
      /raise `created_at_lower_limit` on the relay to \d+/,
    );
  });
});

it("a relay that has the events already is left with none more", async () => {
  const answer: Answer = ({ event }) => [frame(["OK", event.id, true, "duplicate: "], "duplicate")];
  const { findings, left } = await ask({ answer });
  assert.deepEqual(namesOf(findings), []);
  assert.deepEqual(left, []);
});

describe("a pool that is there", () => {
  const signedNotes = (count: number, epoch: number) =>
    Array.from({ length: count }, (_, i) => sign({ created_at: epoch + i, content: `note ${i}` }));

  async function withFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
    const folder = await mkdtemp(join(tmpdir(), "preflight-"));
    try {
      return await use(folder);
    } finally {
      await rm(folder, { recursive: true });
    }
  }

  it("of a file is tried with its own events alone, none of which is sent again", async () => {
    await withFolder(async (root) => {
      const file = join(root, "notes.jsonl");
      const events = [
        ...signedNotes(64, DEFAULT_EPOCH),
        ...signedNotes(64, DEFAULT_EPOCH + 86_400),
      ];
      await writeFile(file, events.map((event) => `${JSON.stringify(event)}\n`).join(""));
      const { dir, manifest } = await replayFile({ file, root });
      const answer = refusing((kind) => kind !== 1, "blocked: event kind is blocked by relay");
      const { findings, ledger } = await ask({ answer }, { poolDir: dir });
      assert.deepEqual(namesOf(findings), []);
      const ids = new Set(events.map(({ id }) => id));
      assert.ok(ledger.events.length > 0 && ledger.events.length <= 16);
      assert.ok(ledger.events.every(({ id, kind }) => kind === 1 && ids.has(id)));
      assert.equal(ledger.events.length, manifest.probes);
    });
  });

  it("of a file too small to spare any is tried with the same events of another key", async () => {
    await withFolder(async (root) => {
      const file = join(root, "notes.jsonl");
      const events = signedNotes(20, DEFAULT_EPOCH);
      await writeFile(file, events.map((event) => `${JSON.stringify(event)}\n`).join(""));
      const { dir } = await replayFile({ file, root });
      const { findings, ledger } = await ask({}, { poolDir: dir });
      // 20 events are fewer than the plan asks for, which is another matter.
      assert.deepEqual(namesOf(findings), ["stop pool"]);
      const ids = new Set(events.map(({ id }) => id));
      assert.ok(ledger.events.length > 0);
      assert.ok(ledger.events.every(({ id, kind }) => kind === 1 && !ids.has(id)));
      const keys = refusing(() => true, "blocked: pubkey is not allowed to publish");
      assert.deepEqual(namesOf((await ask({ answer: keys }, { poolDir: dir })).findings), [
        "advice probe",
        "stop pool",
      ]);
    });
  });

  it("of a file is made again without what is too old for what the relay announces", async () => {
    await withFolder(async (root) => {
      const asked: ReplayTimes[] = [];
      const dir = join(root, "pool");
      const mix = { note: 1 };
      await makePool({ dir, seed: "s", mix, events: 100, epoch: 1e9, workers: 1 });
      const replay = async (times: ReplayTimes) => {
        asked.push(times);
        return { poolDir: dir, plan: planOf({ RATE_EPS: "20", DURATION_SEC: "5" }) };
      };
      const document = { limitation: { created_at_lower_limit: 94_608_000 } };
      await ask({ document }, { poolDir: dir, replay });
      const [times] = asked;
      assert.equal(asked.length, 1);
      assert.ok(Math.abs((times?.oldestSec ?? 0) - (Date.now() / 1_000 - 94_608_000)) < 300);
      assert.equal(times?.newestSec, undefined);
      await ask({}, { poolDir: dir, replay });
      assert.equal(asked.length, 1);
    });
  });

  it("is held against what is announced by facts of all its events", async () => {
    await withFolder(async (root) => {
      const dir = join(root, "pool");
      const mix = { note: 1 };
      const made = await makePool({
        dir,
        seed: "s",
        mix,
        events: 100,
        epoch: DEFAULT_EPOCH,
        workers: 1,
      });
      const most = made.longestContent ?? 0;
      const refuse = refusing(() => true, "error: not today");
      const limited = async (max_content_length: number) => {
        const document = { limitation: { max_content_length } };
        return namesOf((await ask({ document, answer: refuse }, { poolDir: dir })).findings);
      };
      assert.deepEqual(await limited(most), ["stop probe"]);
      assert.deepEqual(await limited(most - 1), ["stop probe", "stop content-length"]);
    });
  });
});

describe("a relay's document", () => {
  for (const [document, words] of [
    ["<!doctype html><p>hello</p>", /it answers with a web page/],
    ["[]", /is not a JSON object/],
    [406, /HTTP status 406/],
    [302, /a redirect, which is not followed/],
    [{ description: "x".repeat(300_000) }, /more than 262144 bytes/],
  ] as const) {
    it(`that is ${String(JSON.stringify(document)).slice(0, 30)} is told`, async () => {
      const { findings } = await ask({ document });
      assert.deepEqual(namesOf(findings), []);
      assert.match(said(findings, "nip-11"), words);
    });
  }

  it("may ask for AUTH that the relay does not need", async () => {
    const document = { limitation: { auth_required: true } };
    const challenge = frame(["AUTH", "c"], null);
    const { findings } = await ask({ document, greet: () => [challenge] });
    assert.deepEqual(namesOf(findings), ["advice auth"]);
    assert.match(said(findings, "auth", "advice"), /took such an event of the probe all the same/);
    assert.match(said(findings, "auth", "ok"), /sends a challenge \(NIP-42\), and takes events/);
  });
});

describe("a relay that is not there", () => {
  it("stops the run in two lines, and nothing is called fine", async () => {
    const relay = await startFaultyRelay({});
    await relay.stop();
    const plan = planOf();
    const admissions = [admit(relay)];
    const { findings } = await preflight({ plan, admissions, poolDir: undefined, force: false });
    assert.deepEqual(namesOf(findings), ["stop reachable"]);
    assert.equal(said(findings, "nip-11"), "");
    assert.throws(
      () => refuseStops(findings),
      (error: Error) =>
        /ECONNREFUSED/.test(error.message) && error.message.split("\n").length === 2,
    );
  });

  for (const [status, remedy] of [
    [401, /--header/],
    [404, /the path of --relay/],
    [429, /limits connections/],
    [302, /give --relay the URL/],
    [503, /down or overloaded/],
  ] as const) {
    it(`but HTTP status ${status} is, says what to do`, async () => {
      const { findings } = await tryMix({ handshake: () => status });
      assert.deepEqual(namesOf(findings), ["stop reachable"]);
      assert.match(said(findings, "reachable"), new RegExp(`HTTP status ${status}`));
      assert.match(said(findings, "reachable"), remedy);
    });
  }
});

describe("compression", () => {
  for (const takes of [true, false]) {
    it(`is ${takes ? "said to be taken" : "advice where the relay takes none"}, and tried where it is offered`, async () => {
      const server = new WebSocketServer({ host: "127.0.0.1", port: 0, perMessageDeflate: takes });
      await once(server, "listening");
      let handshakes = 0;
      server.on("connection", () => handshakes++);
      const { port } = server.address() as AddressInfo;
      const admission = admit({ url: `ws://127.0.0.1:${port}` });
      assert.deepEqual(await judgeCompression({ compression: false }, [admission]), []);
      assert.equal(handshakes, 0);
      const [finding] = await judgeCompression({ compression: true }, [admission]);
      assert.equal(finding?.level, takes ? "ok" : "advice");
      assert.match(finding?.what ?? "", takes ? /takes permessage-deflate/ : /does not take/);
      server.close();
    });
  }
});

describe("this machine", () => {
  const plenty: MachineLimits = {
    cores: 4,
    openFiles: 65_536,
    ephemeralPorts: 28_232,
    portsInTimeWait: 0,
    freeBytes: 16e9,
  };
  const SERVED = { bytes: 50e6, isServed: true };
  const NO_POOL = { bytes: 0, isServed: true };
  const cases: readonly (readonly [Partial<MachineLimits>, readonly string[]])[] = [
    [{}, []],
    [{ openFiles: null, ephemeralPorts: null, freeBytes: null }, []],
    [{ openFiles: 1_064 }, []],
    [{ openFiles: 1_063 }, ["stop open-files"]],
    [{ ephemeralPorts: 1_100 }, ["advice ports"]],
    [{ ephemeralPorts: 999 }, ["stop ports"]],
    // 250 MB of k6 itself, 100 of connections, 50 to sign a pool of as much.
    [{ freeBytes: 572e6 }, []],
    [{ freeBytes: 571e6 }, ["advice memory"]],
    [{ freeBytes: 400e6 }, ["advice memory"]],
    [{ freeBytes: 399e6 }, ["stop memory"]],
    [{ cores: 1 }, ["advice cores"]],
  ];
  for (const [change, found] of cases) {
    it(`${JSON.stringify(change)}: ${found.join() || "enough for 1,000 clients"}`, () => {
      const findings = judgeMachine(planOf({ CLIENTS: "1000" }), { ...plenty, ...change }, SERVED);
      assert.deepEqual(namesOf(findings), found);
    });
  }

  it("counts a pool four times where k6 reads it itself, and of signing no more than it takes", () => {
    const levelOf = (freeBytes: number, pool: PoolSize) =>
      judgeMachine(planOf({ CLIENTS: "1000" }), { ...plenty, freeBytes }, pool).find(
        ({ id }) => id === "memory",
      )?.level;
    const large = { bytes: 1e9, isServed: true };
    assert.deepEqual([levelOf(750e6, large), levelOf(749e6, large)], ["advice", "stop"]);
    const held = { ...large, isServed: false };
    assert.deepEqual([levelOf(4.75e9, held), levelOf(4.74e9, held)], ["advice", "stop"]);
  });

  it("holds the connect rate against what can be signed, where clients say who they are", () => {
    const of = (variables: Readonly<Record<string, string>>) =>
      judgeMachine(planOf(variables, "connect"), plenty, NO_POOL)
        .filter(({ id }) => id === "signing")
        .map(({ level }) => level);
    assert.deepEqual(of({ CONNECT_RATE: "20000" }), []);
    assert.deepEqual(of({ ON_OPEN: "auth", CONNECT_RATE: "1400" }), ["ok"]);
    assert.deepEqual(of({ ON_OPEN: "auth", CONNECT_RATE: "1401" }), ["stop"]);
  });

  it("holds the connections against the relay's own limit of files, where one process has them", () => {
    const plan = planOf({ CLIENTS: "2000" });
    const judge = (soft: number, hard: number, pids = [77]) =>
      judgeRelayFiles(plan, pids, () => ({ soft, hard })).map(({ level, remedy }) =>
        level === "ok" ? level : `${level}: ${remedy}`,
      );
    assert.deepEqual(judge(2_064, 4_096), ["ok"]);
    assert.match(judge(1_024, 4_096)[0] ?? "", /^advice: .*prlimit --pid 77 --nofile=2064:4096/);
    assert.match(
      judge(1_024, 1_024)[0] ?? "",
      /^advice: start it with a higher hard limit than 1,024/,
    );
    assert.deepEqual([judge(1_024, 4_096, [77, 78]), judge(1, 1, [])], [[], []]);
    assert.deepEqual(
      judgeRelayFiles(plan, [77], () => null),
      [],
    );
    const limits =
      "Max processes 1 2 processes\nMax open files            1024                 unlimited            files\n";
    assert.deepEqual(parseFileLimit(limits), { soft: 1_024, hard: Infinity });
    assert.equal(parseFileLimit(""), null);
  });

  it("counts ports of closed connections where the relay is elsewhere, and those of sessions to come", () => {
    const portsOf = (variables: Readonly<Record<string, string>>, portsInTimeWait: number) => {
      const plan = planOf({ CLIENTS: "10000", ...variables }, "connect");
      const found = judgeMachine(plan, { ...plenty, portsInTimeWait }, NO_POOL);
      return found.find(({ id }) => id === "ports")?.level;
    };
    const near = { RELAY_URL: "ws://127.0.0.1:7777" };
    const far = { RELAY_URL: "ws://10.0.0.1:7777", ALLOW_PRIVATE: "1" };
    assert.deepEqual([portsOf(near, 19_000), portsOf(far, 19_000)], ["ok", "stop"]);
    assert.deepEqual([portsOf(far, 12_000), portsOf(far, 13_000)], ["ok", "advice"]);
    const churn = { ...far, CONNECT_MODE: "churn", SESSION_LENGTH: "fixed:30s" };
    // A session a client and half a minute: 20,000 a minute.
    assert.deepEqual(
      [portsOf(churn, 0), portsOf({ ...churn, CLIENTS: "6000" }, 0)],
      ["stop", "ok"],
    );
  });

  it("takes a folder that can be made, and no other, and leaves nothing", async () => {
    const folder = await mkdtemp(join(tmpdir(), "preflight-"));
    await writeFile(join(folder, "file"), "");
    const level = async (path: string) => (await judgeFolder("id", "It", path)).level;
    assert.equal(await level(join(folder, "not", "there", "yet")), "ok");
    assert.equal(await level(join(folder, "file")), "stop");
    assert.equal(await level(join(folder, "file", "below")), "stop");
    // Root may write anywhere but in a file system that takes nothing.
    assert.equal(await level("/proc/reports"), "stop");
    assert.deepEqual(await readdir(folder), ["file"]);
    await rm(folder, { recursive: true });
  });

  it("needs room on its disk", () => {
    assert.equal(judgeDisk(1_000, 1_000).level, "ok");
    assert.equal(judgeDisk(1_000, 999).level, "stop");
    assert.equal(judgeDisk(1_000, null).level, "ok");
  });

  it("is held against what every scenario makes, of several instances against a part of it", async () => {
    const diskOf = async (scenario: ScenarioName, INSTANCES: string) => {
      const plan = planOf({ INSTANCES, RATE_EPS: "1000", DURATION_SEC: "600" }, scenario);
      const poolsDir = join(tmpdir(), "k6-nostr-pools");
      const found = await judgeHere({ plan, poolDir: undefined, poolsDir, force: false });
      const what = found.find(({ id }) => id === "disk")?.what ?? "";
      return /about ([\d.]+ [kMG]B) of disk/.exec(what)?.[1];
    };
    for (const scenario of SCENARIO_NAMES) {
      for (const instances of ["1", "4"]) {
        assert.ok(await diskOf(scenario, instances), `${scenario}, ${instances} instances`);
      }
    }
    const [whole = "", part = ""] = await Promise.all(["1", "4"].map((n) => diskOf("publish", n)));
    const bytesOf = (text: string) =>
      Number.parseFloat(text) * (text.endsWith("GB") ? 1_000 : 1) - 50;
    assert.ok(Math.abs(bytesOf(whole) / bytesOf(part) - 4) < 0.1, `${whole}, ${part}`);
  });

  it("must have the process of --relay-pid", async () => {
    const plan = planOf();
    const here = { plan, poolDir: undefined, poolsDir: tmpdir(), force: true };
    const levelOf = async (relayPid: number) =>
      (await judgeHere({ ...here, relayPid })).find(({ id }) => id === "relay-pid")?.level;
    assert.equal(await levelOf(process.pid), "ok");
    assert.equal(await levelOf(2 ** 22), "stop");
  });
});

describe("a run that this machine can't carry", () => {
  const silent = { note: () => {}, status: () => {}, clear: () => {} };
  const rows: readonly (readonly [
    what: string,
    variables: Readonly<Record<string, string>>,
    more: Partial<RunRequest>,
    told: RegExp,
  ])[] = [
    ["has a file for its reports", { REPORT_DIR: "package.json" }, {}, /REPORT_DIR.*package\.json/],
    ["has a folder that takes nothing", { REPORT_DIR: "/proc/x" }, {}, /REPORT_DIR.*\/proc\/x/],
    ["watches no process", {}, { relayPid: 2 ** 22 }, /RELAY_PID.*4194304/],
    ["has no such pool", {}, { poolDir: "/nowhere" }, /no pool at/],
    ["needs too much", { CLIENTS: "20000", RATE_EPS: "9000", DURATION_SEC: "2000" }, {}, /needed/],
  ];
  for (const [what, variables, more, told] of rows) {
    it(`${what} is refused before its relay is so much as connected to`, async () => {
      await withRelay({}, async (relay) => {
        const plan = planOf({ ...variables, RELAY_URL: relay.url });
        const request: RunRequest = {
          plan,
          kept: { options: {}, withheld: [] },
          poolDir: undefined,
          durationGiven: true,
          mostPoolBytes: 2e9,
          relayPid: undefined,
          terminal: silent,
          signal: new AbortController().signal,
          ...more,
        };
        await assert.rejects(carryOut(request), (error: Error) => {
          assert.ok(error instanceof ConfigError);
          return told.test(error.message);
        });
        assert.equal(relay.ledger.taken, 0);
      });
    });
  }
});

it("a probe that another one replaced is not left, in any relay", () => {
  const base = { pubkey: "a".repeat(64), content: "", sig: "f".repeat(128) };
  const older = { ...base, id: "1".repeat(64), kind: 0, created_at: 10, tags: [] };
  const newer = { ...older, id: "2".repeat(64), created_at: 11 };
  const note = { ...base, id: "3".repeat(64), kind: 1, created_at: 10, tags: [] };
  const typing = { ...note, id: "4".repeat(64), kind: 20_002 };
  const left = countLeft([
    { label: "one", kept: [older, note] },
    { label: "other", kept: [older] },
    { label: "one", kept: [newer, typing] },
  ]);
  assert.deepEqual(left, [
    { kind: 0, count: 2 },
    { kind: 1, count: 1 },
  ]);
});

it("what the probes left is said by kind", () => {
  const left = [
    { kind: 1063, count: 1 },
    { kind: 30_078, count: 2 },
  ];
  assert.equal(describeLeft(left), "left 3 probe events of kinds 1063, 30078 in the relay");
  assert.equal(describeLeft([{ kind: 1, count: 1 }]), "left 1 probe event of kind 1 in the relay");
});

it("findings are shown by level, with the verdict last", () => {
  const text = renderFindings([
    { id: "a", level: "ok", what: "all well", why: "", remedy: "" },
    { id: "b", level: "stop", what: "broken", why: "it matters", remedy: "mend it" },
  ]);
  assert.match(text, /^stops a run\n {2}b +broken\n +why: it matters\n +do: +mend it\n\nfine\n/);
  assert.match(text, /verdict {5}not ready: 1 would stop a run\n$/);
});
