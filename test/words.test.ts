/** What relays say in a run, in virtual time: booked as what it was, and explained by the first finding. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { parseMix } from "../src/events/mix.ts";
import { makePool } from "../src/node/pool/make.ts";
import type { Report } from "../src/report/types.ts";
import type { Answer } from "./faulty-relay/answers.ts";
import { accept, frame, reject } from "./faulty-relay/frames.ts";
import { assertCounts, type Beside } from "./faulty-relay/hold.ts";
import type { Published } from "./faulty-relay/relay.ts";
import { misbehave } from "./k6-world/misbehave.ts";
import { runScenario } from "./k6-world/run.ts";

const LOAD = { CLIENTS: "4", RATE_EPS: "200", DURATION_SEC: "2", ACK_TIMEOUT_MS: "500" };
const pools = new Map<string, Promise<string>>();

after(async () => {
  for (const dir of pools.values()) await rm(await dir, { recursive: true, force: true });
});

async function makeEvents(mix: string): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "k6-nostr-words-"));
  const made = { seed: "words", mix: parseMix(mix), events: 500, epoch: 1_767_225_600 };
  await makePool({ dir: join(dir, "pool"), ...made });
  return dir;
}

const isEphemeral = ({ event }: Published) => event.kind >= 20_000 && event.kind < 30_000;

interface Trial {
  readonly mix?: string;
  readonly beside?: Beside;
  readonly variables?: Readonly<Record<string, string>>;
}

/** Runs, and holds the counts against the relay's ledger. */
async function run(
  answer: (published: Published) => ReturnType<Answer>,
  { mix = "view:1", beside = {}, variables = {} }: Trial = {},
): Promise<Report> {
  const made = pools.get(mix) ?? makeEvents(mix);
  pools.set(mix, made);
  const { relay, ledger } = misbehave(answer);
  const pool = join(await made, "pool");
  const ran = await runScenario(pool, { ...LOAD, ...variables }, relay);
  ledger.taken = ran.dialled;
  ledger.opened = ran.opened;
  assertCounts(ran.report, ledger, beside);
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
      assert.ok((report.totals.unheard ?? 0) > 50);
      assert.equal(report.totals.rejected, 0);
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
    assert.equal(report.totals.unheard, 0);
    const [error] = report.errors;
    assert.deepEqual([error?.class, error?.reason], ["reject", "age-past"]);
    assert.deepEqual(Object.keys(error?.byType ?? {}).sort(), ["read-receipt", "typing"]);
  });

  it("is rejected where its kind is not ephemeral", async () => {
    const text = "mute: no one was listening for this";
    const report = await run(({ event }) => [reject(event.id, "mute", text)]);
    assert.equal(report.totals.unheard, 0);
    assert.equal(report.errors[0]?.reason, "unheard");
  });
});
