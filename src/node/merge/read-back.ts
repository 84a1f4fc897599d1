/** The read-back of a run that several generators shared: once for all, from the machine that merges. */
import { ConfigError } from "../../errors.ts";
import type { ReadBackFigures } from "../../merge/complete.ts";
import type { MergedRun } from "../../merge/merge.ts";
import type { NostrEvent } from "../../nostr/wire.ts";
import { publishOf } from "../../report/class-report.ts";
import { formatCount } from "../../report/format.ts";
import { auditRun, notedIds, readAcknowledged } from "../audit/audit.ts";
import { SHORT_TIMES } from "../audit/known.ts";
import { acceptedKinds, type Counts, compareStored, countKinds } from "../audit/stored.ts";
import type { Admission } from "../guard/gate.ts";
import { readPool } from "../pool/read.ts";
import type { Terminal } from "../terminal.ts";
import { buildNoted } from "./noted-events.ts";

/** So many are noted at least where the instances were asked for an audit, and all of fewer. */
const LEAST_OF_AUDIT = 1_000;
const SPOT_MOST_MS = 8_000;

export interface ReadBackRequest {
  /** In the order of the plan's relays. */
  readonly admissions: readonly Admission[];
  /** A folder of the whole pool; its events are built again without it. */
  readonly poolDir: string | undefined;
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
}

/** Asks each relay for what it accepted of the instances, and how much it holds. Throws `ConfigError` for another pool. */
export async function readBackMerged(
  run: MergedRun,
  request: ReadBackRequest,
): Promise<ReadBackFigures> {
  const { admissions, signal, terminal } = request;
  const publish = publishOf(run.measured);
  const acknowledged = publish.totals.accepted + (publish.warmup?.accepted ?? 0);
  if (acknowledged === 0) return { audit: null, notes: [] };
  const relayOf = notedIds(run.slices);
  if (relayOf.size === 0) {
    return { audit: null, notes: ["no instance noted what was accepted (AUDIT_EVERY)"] };
  }
  const accepted = await findEvents(run, request, relayOf);
  terminal.clear();
  if (accepted === null) {
    return { audit: null, notes: ["the pool can't be made again from its seed: give --pool"] };
  }
  const isAudit = relayOf.size >= Math.min(acknowledged, LEAST_OF_AUDIT);
  terminal.status(`read-back   asking for ${formatCount(relayOf.size)} acknowledged events`);
  const bounds = isAudit ? {} : { mostMs: SPOT_MOST_MS, times: SHORT_TIMES };
  const asked = await auditRun({ accepted, admissions, acknowledged, signal, ...bounds });
  const { notes } = asked;
  if (asked.audit === null) {
    terminal.clear();
    return { audit: null, notes };
  }
  const before = countsOf(run);
  const after =
    "why" in before ? before : await countKinds(admissions, [...before.byKind.keys()], signal);
  terminal.clear();
  const byKind = acceptedKinds(run.slices, run.pool);
  const stored = compareStored({ before, after, accepted, acknowledged, byKind });
  return { audit: { ...asked.audit, ...(isAudit ? {} : { spot: true }), stored }, notes };
}

function countsOf({ before }: MergedRun): Counts {
  return "why" in before ? before : { byKind: new Map(before.byKind) };
}

async function findEvents(
  { plan, pool, slices }: MergedRun,
  { admissions, poolDir, signal, terminal }: ReadBackRequest,
  relayOf: ReadonlyMap<string, number>,
): Promise<readonly (readonly NostrEvent[])[] | null> {
  const relays = admissions.length;
  if (poolDir === undefined) {
    const onProgress = (sets: number, ofSets: number) =>
      terminal.status(`read-back   building events, ${Math.round((100 * sets) / ofSets)} %`);
    return await buildNoted({ plan, pool, relayOf, relays, signal, onProgress });
  }
  const { manifest } = await readPool(poolDir);
  if (manifest.id !== pool.id || manifest.part !== undefined) {
    throw new ConfigError(
      `the pool \`${poolDir}\` is ${manifest.id}${manifest.part === undefined ? "" : ", one instance's part"}, and the run published ${pool.id}`,
    );
  }
  return await readAcknowledged(poolDir, slices, relays);
}
