/** A merged run read back from a relay, with the pool, and without it: then its events are built again. */
import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { it } from "node:test";
import { ConfigError } from "../src/errors.ts";
import { parseRelayUrl } from "../src/guard/relay-url.ts";
import type { MergedRun } from "../src/merge/merge.ts";
import { findRequest } from "../src/node/merge/noted-events.ts";
import { readBackMerged } from "../src/node/merge/read-back.ts";
import { makePool } from "../src/node/pool/make.ts";
import type { NostrEvent } from "../src/nostr/wire.ts";
import { DEFAULT_EPOCH } from "../src/pool/plan.ts";
import { buildOf, planOf, rowOf, sliceOf } from "./fixtures/reports/run.ts";
import { run } from "./relay-client.ts";

const terminal = { status() {}, note() {}, clear() {} };
const { signal } = new AbortController();

it("asks for what instances noted and counts what came to be stored, from the seed or a pool", async (t) => {
  const root = await mkdtemp(join(tmpdir(), "k6-nostr-read-back-"));
  t.after(() => rm(root, { recursive: true, force: true }));
  const request = { seed: "again", mix: { note: 0.6, view: 0.4 }, events: 40, workers: 1 };
  const dir = join(root, "pool");
  const pool = await makePool({ ...request, epoch: DEFAULT_EPOCH, dir });
  const lines = (await readFile(join(dir, "frames.txt"), "utf8")).trimEnd().split("\n");
  const events = lines.map((line) => JSON.parse(line.slice(3))[1] as NostrEvent);
  const { relay, client } = await run(t, { nowSec: () => DEFAULT_EPOCH + 90_000 });
  // What the relay said it took and does not have.
  const lost = events.filter(({ kind }) => kind === 1).slice(0, 2);
  for (const event of events) if (!lost.includes(event)) await client.publish(event);

  const counts = { scheduled: 40, attempted: 40, accepted: 40 };
  const half = events.map(({ id }) => id.slice(0, 16));
  const slices = [half.slice(0, 20), half.slice(20)].map((ids, i) =>
    sliceOf({
      vu: i + 1,
      phase: "done",
      classes: { publish: i === 0 ? [rowOf(0, counts)] : [] },
      accepted: [ids],
    }),
  );
  const kinds = [...new Set(events.map(({ kind }) => kind))];
  const merged: MergedRun = {
    ...{ plan: planOf({ INSTANCES: "2" }), pool, slices, measured: buildOf({ slices }) },
    before: { byKind: kinds.map((kind) => [kind, 0] as const) },
    complete: () => assert.fail("nobody completes it here"),
  };
  const url = parseRelayUrl(relay.url);
  const admissions = [{ status: "admitted", url, reason: "", addresses: ["127.0.0.1"] }] as const;
  const read = (poolDir: string | undefined, more: Partial<MergedRun> = {}) =>
    readBackMerged({ ...merged, ...more }, { admissions, poolDir, terminal, signal });

  const built = await read(undefined);
  assert.deepEqual(built.notes, []);
  assert.equal(built.audit?.checked, 40);
  assert.equal(built.audit?.spot, undefined);
  assert.deepEqual(
    built.audit?.missing,
    lost.map(({ id }) => id),
  );
  const ofNotes = built.audit?.stored?.kinds?.find(({ kind }) => kind === 1);
  assert.equal(ofNotes?.delta, -2);
  assert.deepEqual(await read(dir), built);

  // Fewer noted than an audit would have: some ids only, and no word on what came to be stored.
  const spots = [
    sliceOf({
      phase: "done",
      classes: merged.slices[0]?.classes ?? {},
      accepted: [half.slice(0, 3)],
    }),
  ];
  const { audit } = await read(undefined, { slices: spots, before: { why: "nobody counted" } });
  assert.deepEqual([audit?.checked, audit?.spot, audit?.stored?.why], [3, true, "nobody counted"]);
  const silent = await read(undefined, { slices: [] });
  assert.match(silent.notes.join(), /no instance noted/);

  const other = { ...pool, id: "0".repeat(16) };
  assert.equal(findRequest({ plan: merged.plan, pool: other }), null);
  const unknown = await read(undefined, { pool: other });
  assert.match(unknown.notes.join(), /give --pool/);
  await assert.rejects(read(dir, { pool: other }), ConfigError);
});
