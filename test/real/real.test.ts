/**
 * `npm run test:real`: real relays, gotten from package registries, loaded as a person would, and every report held
 * against what the relay itself says that it holds. Not in `npm test`: it builds for a long while at its first time.
 * `REAL_RELAYS=khatru,rnostr` chooses some; `STRFRY_BIN=PATH` adds strfry.
 */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { publishOf, queryOf } from "../../src/report/class-report.ts";
import { countedFrames, describeRelayCounts } from "../../src/report/relay-counts.ts";
import type { Report } from "../../src/report/types.ts";
import { inPlace } from "../k6/cli.ts";
import { assertBelieved, wasHeldUp } from "../k6/held-up.ts";
import { tryAuth, tryClients } from "./clients.ts";
import { type Counts, type RealRelay, type Setup, withReal } from "./relay.ts";
import { embedded } from "./relays/embedded.ts";
import { khatru } from "./relays/khatru.ts";
import { nostrRelayPy } from "./relays/nostr-relay-py.ts";
import { nostrRsRelay } from "./relays/nostr-rs-relay.ts";
import { rnostr } from "./relays/rnostr.ts";
import { rustNostr } from "./relays/rust-nostr.ts";
import { strfry } from "./relays/strfry.ts";
import { NotHad } from "./shell.ts";
import { pause, Tried } from "./tried.ts";

const ALL: readonly RealRelay[] = [
  ...[embedded, strfry, khatru, nostrRelayPy, nostrRsRelay, rnostr, rustNostr],
];
/** They build; no run of a whole release build was held against them yet, so they are taken by name only. */
const BY_NAME: readonly RealRelay[] = [rnostr, rustNostr];
/** With fewer of others there is no telling what is a relay's way and what the kit's. */
const LEAST_RELAYS = 3;
const PRESETS = ["social", "upload", "worst-case", "view-storm"];

const chosen = (process.env.REAL_RELAYS ?? "").split(",").filter((name) => name !== "");
const had = new Map<RealRelay, string>();
const missing = new Map<RealRelay, string>();
for (const relay of ALL) {
  if (chosen.length > 0 ? !chosen.includes(relay.name) : BY_NAME.includes(relay)) {
    missing.set(relay, "REAL_RELAYS does not name it");
    continue;
  }
  process.stderr.write(`${relay.name}: looking for it, or building it\n`);
  try {
    had.set(relay, await relay.obtain());
  } catch (cause) {
    if (!(cause instanceof NotHad)) throw cause;
    missing.set(relay, cause.message);
  }
}

it("has real relays to load, or says why not", (t) => {
  for (const [relay, why] of missing) t.diagnostic(`${relay.name}: not had: ${why}`);
  const least = chosen.length === 0 ? LEAST_RELAYS : 1;
  const others = [...had.keys()].filter((relay) => relay !== embedded || chosen.length > 0);
  assert.ok(others.length >= least, `${others.length} relays of the ${least} that there must be`);
});

for (const relay of ALL) {
  const program = had.get(relay);
  const skip = program === undefined ? (missing.get(relay) ?? true) : false;
  describe(relay.name, { skip }, () => {
    if (program === undefined) return;
    const open = (use: (relay: Tried) => Promise<void>, setup: Partial<Setup> = {}) =>
      withReal(relay, program, { isLimited: false, wantsAuth: false, ...setup }, (running) =>
        inPlace((place) => use(new Tried(relay, running, place))),
      );

    it("publish: every event is accepted, and held", () =>
      open(async (tried) => {
        const { report, more } = await tried.run("publish", { duration: 5 });
        assertAllTaken(report);
        assert.equal(publishOf(report).totals.accepted, publishOf(report).totals.scheduled);
        assert.equal(sumOf(more), publishOf(report).totals.accepted + sumOf(probesOf(report)));
        assert.equal(report.audit?.missingCount, 0);
      }));

    it("playback: every query is answered, every event accepted", () =>
      open(async (tried) => {
        const { report } = await tried.run("playback", { duration: 5 });
        assertAllTaken(report);
        const queries = Object.entries(queryOf(report).rows);
        assert.ok(queries.length > 0);
        for (const [name, { totals }] of queries) {
          // What was due while others had the machine may have had no room, and was never asked.
          const asked = wasHeldUp(report) ? totals.sent : totals.scheduled;
          assert.ok(asked > 0);
          assert.equal(totals.eose, asked, `${name}: ${JSON.stringify(totals)}`);
        }
      }));

    tryClients(open);
    if (relay.canAuth) tryAuth((use) => open(use, { wantsAuth: true }));

    it("query: every answer is the right one", () =>
      open(async (tried) => {
        const { report, more } = await tried.query({ duration: 6, corpus: 3_000 });
        const { scheduled, eose, right, rows, matching } = queryOf(report).totals;
        assertBelieved(report);
        assert.equal(eose, scheduled, said(report.errors));
        for (const [shape, { totals }] of Object.entries(queryOf(report).rows)) {
          const isRight = totals.right === totals.eose && totals.matching === totals.rows;
          const isKnown = relay.wrongShapes?.[shape] !== undefined;
          assert.equal(isRight, !isKnown, `${shape}: ${JSON.stringify(totals)}`);
        }
        if (relay.wrongShapes === undefined) assert.deepEqual([right, rows], [eose, matching]);
        else assert.ok(report.findings.some(({ id }) => id === "wrong-answers"));
        const { loaded = 0 } = report.corpus?.loading ?? {};
        assert.equal(loaded, report.corpus?.events);
        // Versions that were replaced are not held.
        assert.ok(sumOf(more) - sumOf(probesOf(report)) <= loaded);
        const counted = relay.metricsPath === undefined ? [] : [{ what: "REQs", agree: true }];
        assert.deepEqual(
          countedFrames(report).map(({ what, agree }) => ({ what, agree })),
          counted,
          describeRelayCounts(report).join("\n"),
        );
      }));

    for (const preset of PRESETS) {
      it(`--mix ${preset}: nothing is refused, and kind by kind it holds what it should`, () =>
        open(async (tried) => {
          const { report, more } = await tried.run("publish", { duration: 4, mix: preset });
          const ephemeral = preset === "social" ? relay.ephemeral : undefined;
          if (ephemeral === "unanswered") assertEphemeralUnanswered(report);
          else assertAllTaken(report);
          assert.equal(unheardOf(report) > 0, ephemeral === "unheard");
          assert.equal(report.audit?.missingCount, 0);
          // Where it counts (NIP-45), the report has looked as well, and must have seen the same.
          for (const { kind, counted, delta } of report.audit?.stored?.kinds ?? []) {
            const held = (more.get(kind) ?? 0) - (probesOf(report).get(kind) ?? 0);
            assert.equal(counted, held, `kind ${kind}, as the relay holds it`);
            assert.equal(delta, 0, `kind ${kind} is not as expected`);
          }
        }));
    }

    for (const [what, signal] of [
      ["a restart", "SIGTERM"],
      ["a kill", "SIGKILL"],
    ] as const) {
      it(`${what} amid the run: balanced totals, what was acknowledged is there, and it is named`, () =>
        open(async (tried) => {
          const { report, more } = await tried.run("publish", { duration: 10 }, async () => {
            await tried.running.stop(signal);
            await pause(1_000);
            await tried.running.start();
          });
          const { accepted, scheduled } = publishOf(report).totals;
          assert.ok(accepted > 0 && accepted < scheduled, `${accepted} accepted`);
          assert.equal(report.audit?.missingCount, 0, "an acknowledged event is gone");
          assertHolds(report, more);
          const findings = report.findings.map(({ id }) => id);
          assert.ok(findings.includes("relay-gone"), findings.join());
          assert.ok(!findings.includes("memory-growth"), findings.join());
        }));
    }

    const { overloadEps } = relay;
    if (overloadEps !== undefined) {
      it("an overload: it is the headline, with what the relay takes", () =>
        open(async (tried) => {
          const { report, more } = await tried.run("publish", { duration: 8, rate: overloadEps });
          assertHolds(report, more);
          const findings = report.findings.map(({ id, title }) => `${id}: ${title}`);
          const found = report.findings.find(({ id }) => id === "overload");
          assert.ok(found, findings.join("\n"));
          assert.match(found.title, /at its limit: it accepts about \d/);
          // On a machine that others use as well, those stand first.
          assert.match(
            findings[0] ?? "",
            /^(?:overload|host-busy|host-full):/,
            findings.join("\n"),
          );
        }));
    }

    const { limit } = relay;
    if (limit !== undefined) {
      it(`a limit, ${limit.what}: it is what the first finding is about`, () =>
        open(
          async (tried) => {
            const { report, more } = await tried.run("publish", { duration: 6, ...limit.flags });
            assertHolds(report, more);
            const [first] = report.findings;
            const titles = report.findings.map(({ id, title }) => `${id}: ${title}`).join("\n");
            assert.ok(limit.findings.includes(first?.id ?? ""), titles);
          },
          { isLimited: true },
        ));
    }
  });
}

/** Every event was answered with an OK that is no refusal. */
function assertAllTaken(report: Report): void {
  const { attempted, rejected, timedOut, lost } = publishOf(report).totals;
  assert.deepEqual(
    { rejected, timedOut, lost },
    { rejected: 0, timedOut: 0, lost: 0 },
    said(report.errors),
  );
  assert.ok(attempted > 0);
}

/** All that was acknowledged, and beyond that nothing but what was sent and got no answer in time. */
function assertHolds(report: Report, more: Counts): void {
  const { accepted, lost, timedOut } = publishOf(report).totals;
  const held = sumOf(more) - sumOf(probesOf(report));
  const text = `holds ${held} of ${accepted} acknowledged, ${timedOut} timed out, ${lost} lost`;
  assert.ok(held >= accepted && held <= accepted + timedOut + lost, text);
}

/** No OK for ephemeral events, one for each other, and the finding says so. */
function assertEphemeralUnanswered(report: Report): void {
  const { errors, findings } = report;
  const { rejected, timedOut, lost } = publishOf(report).totals;
  assert.deepEqual({ rejected, lost }, { rejected: 0, lost: 0 }, said(errors));
  const timeouts = errors.find((e) => e.class === "timeout");
  const { typing = 0, "read-receipt": receipts = 0 } = timeouts?.byType ?? {};
  assert.ok(timedOut > 0);
  assert.equal(typing + receipts, timedOut);
  assert.equal(findings[0]?.id, "unanswered-kinds", findings.map(({ id }) => id).join());
}

function said(errors: Report["errors"]): string {
  return errors.map((e) => `${e.class} ${e.code} ${e.count} times: ${e.example}`).join("\n");
}

function sumOf(counts: Counts): number {
  return [...counts.values()].reduce((sum, count) => sum + count, 0);
}

/** Events that preflight left in the relay, by kind. */
function probesOf(report: Report): Counts {
  return new Map((report.preflight?.probes ?? []).map(({ kind, count }) => [kind, count]));
}

function unheardOf(report: Report): number {
  return publishOf(report).totals.unheard;
}
