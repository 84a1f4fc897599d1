import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { initNostrWasm } from "nostr-wasm";
import { ConfigError } from "../src/errors.ts";
import { inspectPool } from "../src/node/pool/inspect.ts";
import { readLines } from "../src/node/pool/lines.ts";
import { readProbes } from "../src/node/pool/probes.ts";
import { type ReplayOptions, replayFile } from "../src/node/pool/replay.ts";
import { findHint } from "../src/node/pool/replay-hints.ts";
import { checkLines } from "../src/node/pool/replay-lines.ts";
import { ReplayTally } from "../src/node/pool/replay-tally.ts";
import { verifyPool } from "../src/node/pool/verify.ts";
import { loadVerifier, type VerifyEvent } from "../src/node/relay/signatures.ts";
import { describeLeftOut, type LeftOutReason } from "../src/pool/left-out.ts";

let root: string;
before(async () => {
  root = await mkdtemp(join(tmpdir(), "k6-nostr-replay-"));
});
after(() => rm(root, { recursive: true, force: true }));

/** 2024-01-01: no test depends on the day that it runs on. */
const NOW = 1_704_067_200;
const wasm = await initNostrWasm();
const secret = new Uint8Array(32).fill(7);

interface Template {
  readonly kind?: number;
  readonly content?: string;
  readonly created_at?: number;
  readonly tags?: string[][];
}

function sign(of: Template | number = {}): Record<string, unknown> {
  const {
    kind = 1,
    content = "é😀",
    created_at,
    tags = [["t", "x"]],
  }: Template = typeof of === "number" ? { kind: of } : of;
  const template = { kind, created_at: created_at ?? 1_700_000_000 + kind, tags, content };
  const event = { ...template, id: "", pubkey: "", sig: "" };
  wasm.finalizeEvent(event, secret);
  const { id, pubkey, sig } = event;
  return { content, kind, created_at: template.created_at, tags, sig, pubkey, id };
}

let note = 0;
/** A line with an event of its own. */
function sound(of: Template = {}): string {
  return JSON.stringify(sign({ content: `note ${note++}`, ...of }));
}

async function replay(
  name: string,
  content: readonly string[] | Uint8Array,
  options: Partial<ReplayOptions> = {},
) {
  const file = join(root, `${name}.jsonl`);
  await writeFile(file, content instanceof Uint8Array ? content : content.join("\n"));
  return await replayFile({
    file,
    root: join(root, name),
    workers: 1,
    times: { nowSec: NOW },
    ...options,
  });
}

async function refusalOf(replayed: Promise<unknown>): Promise<string> {
  try {
    await replayed;
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error.message;
  }
  return assert.fail("it was taken");
}

async function framesOf(dir: string): Promise<readonly Record<string, unknown>[]> {
  const lines = (await readFile(join(dir, "frames.txt"), "utf8")).trimEnd().split("\n");
  return lines.map((line) => JSON.parse(line.slice(3))[1]);
}

describe("replayFile", () => {
  it("takes events and frames as they are and in their order, and counts what it leaves out", async () => {
    const own = [1, 7, 30_023].map((kind) => sign(kind));
    const lines = [
      `\ufeff${JSON.stringify(own[0])}`,
      JSON.stringify(["EVENT", own[1]]),
      "",
      JSON.stringify(own[0]),
      JSON.stringify(sign(62)),
      `${JSON.stringify({ fried: "0a", ...own[2], seenOn: ["wss://relay.test"] })}\r`,
    ];
    const { dir, manifest, replayed } = await replay("sound", lines);
    assert.deepEqual(replayed, { lines: 6, blank: 1, taken: 3, heldOut: 0, leftOut: 2 });
    assert.deepEqual(manifest.leftOut, [
      { reason: "duplicate", count: 1, lines: [4] },
      { reason: "vanish", count: 1, lines: [5] },
    ]);
    assert.deepEqual(manifest.types, ["kind-1", "kind-7", "kind-30023"]);
    assert.deepEqual(await framesOf(dir), own);
    assert.deepEqual([manifest.mostTags, manifest.longestContent], [1, 2]);
    assert.equal((await verifyPool(dir)).signaturesChecked, 3);
    assert.match(await inspectPool(dir), /replayed from a file[\s\S]*kind-30023[\s\S]*addressable/);
    const again = await replay("sound", lines);
    assert.equal(again.made, false);
    assert.deepEqual(again.manifest, manifest);
  });

  it("gives what is beyond 25 kinds one type", async () => {
    const { manifest } = await replay(
      "kinds",
      Array.from({ length: 29 }, (_, i) => JSON.stringify(sign(i + 20))),
    );
    assert.equal(manifest.types.length, 26);
    assert.equal(manifest.perType.other?.events, 4);
  });

  it("says that a file is missing or empty", async () => {
    await assert.rejects(
      replayFile({ file: join(root, "none"), root }),
      /`none`, which can't be read: ENOENT/,
    );
    await assert.rejects(replay("empty", [""]), /holds no events/);
  });
});

const event = sign();
const quoted = JSON.stringify(sign({ content: 'a "quoted" word\nand a line' }));

/** A line that can't be replayed, and why. */
const LEFT_OUT: readonly (readonly [
  what: string,
  line: string | Uint8Array,
  reason: LeftOutReason,
])[] = [
  ["text", "hello", "not-json"],
  ["a comment", "# exported by hand", "not-json"],
  ["an event cut short", JSON.stringify(event).slice(0, 200), "not-json"],
  ["bytes that are not UTF-8", Uint8Array.of(0x22, 0xff, 0x22), "not-json"],
  ["NUL bytes", "\0\0\0\0", "not-json"],
  ["a NUL within a text", JSON.stringify(event).replace("é", "\0"), "not-json"],
  ["a comma behind the event", `${JSON.stringify(event)},`, "trailing-comma"],
  ["two events", `${JSON.stringify(event)}${JSON.stringify(sign(7))}`, "several-events"],
  ["two with a comma", `${JSON.stringify(event)}, ${JSON.stringify(sign(7))}`, "several-events"],
  ["doubled backslashes", quoted.replaceAll("\\", "\\\\"), "doubled-backslashes"],
  [
    "doubled backslashes that are JSON",
    JSON.stringify(sign({ content: "a\nb" })).replaceAll("\\", "\\\\"),
    "doubled-backslashes",
  ],
  ["null", "null", "not-event"],
  ["a number", "17", "not-event"],
  ["a list", "[]", "not-event"],
  ["the end of a subscription", '["EOSE","s"]', "not-event"],
  ["an OK", JSON.stringify(["OK", event.id, true, ""]), "not-event"],
  ["no signature", JSON.stringify({ ...event, sig: undefined }), "not-event"],
  ["a kind that is text", JSON.stringify({ ...event, kind: "1" }), "not-event"],
  ["a kind that is no whole number", JSON.stringify({ ...event, kind: 1.5 }), "not-event"],
  ["a time that is text", JSON.stringify({ ...event, created_at: "1700000001" }), "not-event"],
  [
    "milliseconds with a fraction",
    JSON.stringify({ ...event, created_at: 1.5e9 + 0.1 }),
    "not-event",
  ],
  ["content that is null", JSON.stringify({ ...event, content: null }), "not-event"],
  ["tags that are an object", JSON.stringify({ ...event, tags: {} }), "not-event"],
  [
    "an id in capitals",
    JSON.stringify({ ...event, id: String(event.id).toUpperCase() }),
    "not-event",
  ],
  ["a short id", JSON.stringify({ ...event, id: "ab" }), "not-event"],
  ["a nested tag", JSON.stringify({ ...event, tags: [["p", ["ab"]]] }), "tags"],
  ["an empty tag", JSON.stringify({ ...event, tags: [[]] }), "tags"],
  ["a tag with a number", JSON.stringify({ ...event, tags: [["p", 1]] }), "tags"],
  ["a tag that is text", JSON.stringify({ ...event, tags: ["p"] }), "tags"],
  ["a kind that is too high", sound({ kind: 70_202 }), "kind"],
  ["a kind below 0", JSON.stringify({ ...event, kind: -1 }), "kind"],
  ["a time below 0", JSON.stringify({ ...event, created_at: -1 }), "created-at"],
  ["a time beyond 32 bits", sound({ created_at: 2 ** 32 }), "created-at"],
  ["milliseconds as time", sound({ created_at: NOW * 1_000 }), "created-at"],
  ["half of a character", JSON.stringify(event).replace("é", "\\ud83d"), "text"],
  ["other content", JSON.stringify({ ...event, content: "other" }), "signature"],
  ["another id", JSON.stringify({ ...event, id: "0".repeat(64) }), "signature"],
  ["another signature", JSON.stringify({ ...event, sig: "0".repeat(128) }), "signature"],
  ["a key that is none", JSON.stringify({ ...event, pubkey: "f".repeat(64) }), "signature"],
  ["an event of 2 MB", JSON.stringify({ ...event, content: "x".repeat(2_000_000) }), "size"],
  ["a line of 8 MB", "[".repeat(8_000_000), "size"],
  ["a protected event", sound({ tags: [["-"]] }), "protected"],
  ["an event long expired", sound({ tags: [["expiration", "1600000000"]] }), "expired"],
  ["one that expires in the run", sound({ tags: [["expiration", String(NOW + 60)]] }), "expired"],
  ["a typing indicator", sound({ kind: 20_001 }), "ephemeral"],
  ["a remote signer's request", sound({ kind: 24_133 }), "ephemeral"],
  ["a seal", sound({ kind: 13 }), "seal"],
  ["a request to vanish", sound({ kind: 62 }), "vanish"],
  ["an answer to AUTH", sound({ kind: 22_242 }), "auth"],
];

/** A line that is taken although it looks odd. */
const TAKEN: readonly (readonly [what: string, line: string])[] = [
  ["a deletion", sound({ kind: 5, tags: [["e", "0".repeat(64)]] })],
  ["no tags", sound({ tags: [] })],
  ["an empty text within a tag", sound({ tags: [["", ""]] })],
  ["an expiration to come", sound({ tags: [["expiration", String(NOW + 86_400)]] })],
  ["an expiration that is no number", sound({ tags: [["expiration", "soon"]] })],
  ["the highest kind", sound({ kind: 65_535 })],
  ["created_at 0", sound({ created_at: 0 })],
  ["a NUL that is escaped", sound({ content: "a\0b" })],
  ["backslashes of its own", sound({ content: "C:\\new\\\\folder" })],
  ["braces of another event in the content", sound({ content: '{"id":"x"}{"id":"y"}' })],
  ["a member twice, of which the last counts", `{"kind":7,${sound().slice(1)}`],
  ["blanks around it", `  ${sound()}  \t`],
  ["a frame of a subscription", `["EVENT","sub",${sound()}]`],
];

describe("a line of a replayed file", () => {
  let verify: VerifyEvent;
  before(async () => {
    verify = await loadVerifier();
  });

  for (const [what, line, reason] of LEFT_OUT) {
    it(`is left out and counted, the rest is sent: ${what}`, () => {
      const lines = [sound(), line, sound()].map((text) => Buffer.from(text));
      const checked = checkLines(lines, verify, { nowSec: NOW });
      const tally = new ReplayTally({ file: "x", heldOut: new Set(), strict: false });
      assert.equal(tally.take(checked)?.sets, 2);
      assert.deepEqual(tally.leftOut, [{ reason, count: 1, lines: [2] }]);
      assert.equal(tally.findRefusal(), null);
      assert.match(describeLeftOut({ reason, count: 1, lines: [2] }), /^1 .+ \(line 2\)$/);
      const strict = new ReplayTally({ file: "x", heldOut: new Set(), strict: true });
      assert.throws(
        () => strict.take(checked),
        /^ConfigError: line 2 of `x` can't be replayed: .+\nWithout --strict/,
      );
    });
  }

  it("is left out of a whole file beside the others, and refused by --strict before and after", async () => {
    const lines = LEFT_OUT.flatMap(([, line]) => [
      Buffer.from(`${sound()}\n`),
      Buffer.from(line),
      Buffer.from("\n"),
    ]);
    const bytes = Buffer.concat(lines);
    const before = await refusalOf(replay("left-out", bytes, { strict: true }));
    assert.match(before, /^line 2 of `left-out.jsonl` can't be replayed: not JSON: `hello`\n/);
    assert.deepEqual(await readdir(join(root, "left-out")), []);
    const { dir, manifest } = await replay("left-out", bytes);
    const left = (manifest.leftOut ?? []).reduce((sum, { count }) => sum + count, 0);
    assert.equal(left, LEFT_OUT.length);
    assert.equal(manifest.events, LEFT_OUT.length);
    await verifyPool(dir);
    const after = await refusalOf(replay("left-out", bytes, { strict: true }));
    assert.match(after, /^line 2 of `left-out.jsonl` can't be replayed: not JSON\n/);
  });

  it("is taken as it is", async () => {
    const { manifest, dir } = await replay(
      "taken",
      TAKEN.map(([, line]) => line),
      { strict: true },
    );
    assert.deepEqual(manifest.leftOut, []);
    assert.equal(manifest.events, TAKEN.length);
    await verifyPool(dir);
  });

  it("is named by the first five numbers", async () => {
    const lines = Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? sound() : "broken"));
    const { manifest } = await replay("numbers", lines);
    const leftOut = { reason: "not-json", count: 10, lines: [2, 4, 6, 8, 10] } as const;
    assert.deepEqual(manifest.leftOut, [leftOut]);
    assert.equal(describeLeftOut(leftOut), "10 not JSON (lines 2, 4, 6, 8, 10, …)");
  });

  it("is too old or too new by the ages that the relay takes; the pool without them is another", async () => {
    const lines = [
      sound({ created_at: 1_600_000_000 }),
      ...Array.from({ length: 9 }, () => sound()),
    ];
    const ages = { nowSec: NOW, oldestSec: 1_650_000_000, newestSec: NOW };
    const whole = await replay("ages", lines);
    const limited = await replay("ages", lines, { times: ages });
    assert.deepEqual(limited.manifest.leftOut, [{ reason: "too-old", count: 1, lines: [1] }]);
    assert.equal(limited.manifest.events, 9);
    assert.notEqual(limited.manifest.id, whole.manifest.id);
    assert.equal((await replay("ages", lines, { times: ages })).made, false);
    const wide = { nowSec: NOW, oldestSec: 1_500_000_000 };
    assert.deepEqual((await replay("ages", lines, { times: wide })).manifest, whole.manifest);
    const future = [sound({ created_at: NOW + 900 }), sound()];
    const { manifest } = await replay("future", future, { times: ages });
    assert.deepEqual(manifest.leftOut, [{ reason: "too-new", count: 1, lines: [1] }]);
  });

  it("expires: a kept pool is made anew once one of its events has", async () => {
    const lines = [sound(), sound(), sound({ tags: [["expiration", String(NOW + 86_400)]] })];
    assert.equal((await replay("expiring", lines)).manifest.events, 3);
    assert.equal((await replay("expiring", lines)).made, false);
    const later = await replay("expiring", lines, { times: { nowSec: NOW + 86_400 } });
    assert.deepEqual(later.manifest.leftOut, [{ reason: "expired", count: 1, lines: [3] }]);
  });
});

/** A file that is refused whole, and what is said of it. */
const REFUSED: readonly (readonly [
  what: string,
  content: (good: readonly string[]) => string | Uint8Array,
  hint: RegExp,
])[] = [
  ["gzip", (good) => gzipSync(good.join("\n")), /gzip: `gunzip -c/],
  ["zstd", () => Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 1, 2, 3), /zstd -dc/],
  ["xz", () => Uint8Array.of(0xfd, 0x37, 0x7a, 0x58, 0x5a, 0), /xz -dc/],
  ["SQLite", () => "SQLite format 3\0\x10", /SQLite database/],
  ["UTF-16", (good) => Buffer.from(`\ufeff${good.join("\n")}`, "utf16le"), /iconv -f UTF-16/],
  ["UTF-16 without its mark", (good) => Buffer.from(good.join("\n"), "utf16le"), /iconv/],
  ["one JSON array on a line", (good) => `[${good.join(",")}]`, /jq -c '\.\[\]'/],
  ["one JSON array over lines", (good) => `[\n${good.join(",\n")}\n]`, /one JSON array/],
  ["an assignment in front", (good) => `data = [\n${good.join(",\n")}\n]`, /assignment/],
  ["an object around", (good) => `{"events": [${good.join(",")}]}`, /within one JSON object/],
  [
    "events over several lines",
    (good) => good.map((e) => JSON.stringify(JSON.parse(e), null, 2)).join("\n"),
    /several lines: `jq -c \./,
  ],
  ["commas behind events", (good) => good.map((line) => `${line},`).join("\n"), /jq -c '\.\[\]'/],
  ["no line breaks", (good) => good.join(""), /several events stand on one line/],
  [
    "doubled backslashes",
    () => Array.from({ length: 9 }, () => quoted.replaceAll("\\", "\\\\")).join("\n"),
    /sed 's/,
  ],
  ["CSV", (good) => `id,kind,content\n${good.length},1,x`, /CSV/],
  ["SQL", () => "INSERT INTO event VALUES (1);\n", /SQL/],
  ["identifiers", () => "note1qqqq\nnote1qqqq", /NIP-19/],
];

describe("a file that holds less than half of what it should", () => {
  for (const [what, content, hint] of REFUSED) {
    it(`is refused with a hint: ${what}`, async () => {
      const good = Array.from({ length: 6 }, () => sound());
      const file = join(root, "refused");
      await writeFile(file, content(good));
      const tally = new ReplayTally({ file, heldOut: new Set(), strict: false });
      const verify = await loadVerifier();
      for await (const lines of readLines(file)) {
        tally.take(checkLines(lines, verify, { nowSec: NOW }));
      }
      assert.match(String(tally.findRefusal()), /^of `refused` [01] of \d+ lines can be replayed/);
      assert.match(String(await findHint(file, tally.mainReason)), hint);
    });
  }

  it("is refused in words, and leaves nothing behind", async () => {
    const message = await refusalOf(replay("array", [`[${sound()},${sound()}]`]));
    assert.match(message, /^of `array.jsonl` 0 of 1 lines can be replayed, at least half must/);
    assert.match(message, /left out:\n {2}1 without the members .+\nthe file is one JSON array/);
    assert.deepEqual(await readdir(join(root, "array")), []);
  });

  it("counts no duplicates and no empty lines against it", async () => {
    const line = sound();
    const { manifest } = await replay("doubles", [line, line, line, "", "", ""]);
    assert.equal(manifest.events, 1);
    const message = await refusalOf(replay("doubles-broken", [line, line, line, "{", "{"]));
    assert.match(message, /1 of 3 lines can be replayed[\s\S]*2 duplicates[\s\S]*2 not JSON/);
  });
});

describe("probes of a replay", () => {
  const many = (length: number) =>
    Array.from({ length }, (_, i) => sound({ created_at: 1_7e8 + i }));

  it("are held out of the frames: the outermost events, and one of each kind", async () => {
    const lines = [
      ...many(400),
      sound({ content: "x".repeat(5_000) }),
      sound({ tags: Array.from({ length: 900 }, () => ["p", "a"]) }),
      sound({ created_at: 1_500_000_000 }),
      sound({ created_at: 1_703_000_000 }),
      sound({ kind: 7 }),
      sound({ kind: 30_023 }),
      sound({ kind: 5, tags: [["e", "0".repeat(64)]] }),
      JSON.stringify({
        ...JSON.parse(sound({ content: "y".repeat(9_000) })),
        sig: "0".repeat(128),
      }),
    ];
    const { dir, manifest, replayed } = await replay("probes", lines);
    const probes = await readProbes(dir);
    assert.equal(manifest.probes, probes.length);
    assert.equal(replayed?.heldOut, probes.length);
    assert.ok(probes.length <= 16);
    const ids = new Set(probes.map(({ id }) => id));
    const wanted = [400, 401, 402, 403, 404, 405].map((i) => JSON.parse(lines[i] ?? "").id);
    assert.deepEqual(
      wanted.filter((id) => !ids.has(id)),
      [],
    );
    assert.ok(probes.every(({ kind }) => kind !== 5));
    const sent = await framesOf(dir);
    assert.equal(sent.length + probes.length + 1, lines.length);
    assert.ok(sent.every(({ id }) => !ids.has(String(id))));
    assert.equal(manifest.events, sent.length);
    assert.deepEqual([manifest.mostTags, manifest.longestContent], [900, 5_000]);
    await verifyPool(dir);
  });

  it("are less than one in twenty, and none of a small file", async () => {
    for (const events of [99, 100, 101]) {
      const { dir, manifest } = await replay(`few-${events}`, many(events));
      const held = (await readProbes(dir)).length;
      assert.equal(manifest.events + held, events);
      assert.ok(held < events / 20 && held > 0 === events >= 100, `${held} of ${events}`);
    }
  });
});

describe("any bytes as a file", () => {
  it("are taken, held out, left out or blank, line by line, and never more", async () => {
    const verify = await loadVerifier();
    const good = Array.from({ length: 4 }, () => sound());
    const odd = LEFT_OUT.map(([, line]) => line).filter((line) => line.length < 10_000);
    const line = fc.oneof(
      fc.constantFrom(...good).map((text) => Buffer.from(text)),
      fc.constantFrom(...odd).map((text) => Buffer.from(text)),
      fc.json().map((text) => Buffer.from(text)),
      fc.uint8Array({ maxLength: 80 }).map((bytes) => Buffer.from(bytes)),
      fc.tuple(fc.constantFrom(...good), fc.nat(), fc.nat(255)).map(([text, at, byte]) => {
        const bytes = Buffer.from(text);
        bytes[at % bytes.length] = byte;
        return bytes;
      }),
    );
    fc.assert(
      fc.property(fc.array(line, { maxLength: 12 }), (lines) => {
        const tally = new ReplayTally({ file: "any", heldOut: new Set(), strict: false });
        const chunk = tally.take(checkLines(lines, verify, { nowSec: NOW }));
        const { leftOut, counts } = tally;
        const left = leftOut.reduce((sum, { count }) => sum + count, 0);
        assert.equal(counts.lines, lines.length);
        assert.equal(counts.leftOut, left);
        assert.equal(counts.taken + counts.blank + left, lines.length);
        assert.equal(chunk?.sets ?? 0, counts.taken);
        const sent = Buffer.from(chunk?.bytes ?? []).toString();
        for (const frame of sent.split("\n").filter((text) => text !== "")) {
          assert.equal(verify(JSON.parse(frame.slice(3))[1]), undefined);
        }
      }),
      { numRuns: 300 },
    );
  });

  it("make a pool or a refusal in words", async () => {
    const file = fc.oneof(
      fc.uint8Array({ maxLength: 400 }),
      fc.string({ unit: "binary", maxLength: 200 }).map((text) => Buffer.from(text)),
    );
    let number = 0;
    await fc.assert(
      fc.asyncProperty(file, async (bytes) => {
        const message = await refusalOf(replay(`any-${number++}`, bytes));
        assert.match(message, /holds no events|can be replayed, at least half must/);
      }),
      { numRuns: 6 },
    );
  });
});
