/** What was accepted and did not come to be stored, by the relay's own counts before and behind the run. */

import { classifyKind } from "../../nostr/wire.ts";
import { publishOf } from "../class-report.ts";
import { counted as countedIn } from "../format.ts";
import type { Audit, Report, StoredKind } from "../types.ts";
import { lackingKinds } from "../verdict.ts";
import { evidence, failureCost, type Rule } from "./rule.ts";

const MOST_SHOWN = 4;

export const notStored: Rule = {
  id: "not-stored",
  explains: [],
  find({ report }) {
    const { audit, known } = report;
    const { totals } = publishOf(report);
    if (audit === null) return null;
    const lacking = lackingKinds(audit);
    if (lacking.length === 0) return null;
    const missing = lacking.reduce((sum, { delta }) => sum - delta, 0);
    return {
      severity: "major",
      confidence: isSampled(lacking) ? "medium" : "high",
      title: `Accepted and not stored: the relay has ${countedIn(missing, "event")} fewer than it should, of ${kindsOf(lacking)}`,
      evidence: lacking
        .slice(0, MOST_SHOWN)
        .map(({ kind, counted, expectedStored }) =>
          evidence(`audit.stored.kind${kind}.counted`, counted, expectedStored),
        ),
      counterEvidence: [
        evidence("audit.missingCount", audit.missingCount, `${audit.checked} asked for by id`),
        evidence("known.found", known?.found ?? null, "0 if none was there before the run"),
        evidence("publish.totals.duplicate", totals.duplicate, "those it calls known itself"),
        evidence("publish.totals.superseded", totals.superseded, "those it calls replaced itself"),
      ],
      remediation: remedyFor(report, audit, lacking),
      labels: ["storage", "data-loss"],
      cost: failureCost(missing, report),
    };
  },
};

function isSampled(kinds: readonly StoredKind[]): boolean {
  return kinds.some(({ margin = 0 }) => margin > 0);
}

function kindsOf(kinds: readonly StoredKind[]): string {
  const named = kinds.slice(0, MOST_SHOWN).map(({ kind }) => String(kind));
  const rest = kinds.length - named.length;
  return `kind${kinds.length > 1 ? "s" : ""} ${named.join(", ")}${rest > 0 ? ` and ${rest} more` : ""}`;
}

/** The likeliest reason: ids that are there and yet are not new were there before. */
function remedyFor(
  { known }: Report,
  { missingCount, checked, excused }: Audit,
  lacking: readonly StoredKind[],
): string {
  const wereThere = (known?.found ?? 0) > 0;
  if (wereThere || (missingCount === 0 && checked > excused)) {
    return `Each id that was asked for is there and yet the count did not grow${wereThere ? ", and some were there before the run" : ""}: most likely they were in the relay already, and it answers a known event as a new one. Take a new --seed, or an empty relay; let it answer with \`duplicate:\` (NIP-01). Where it was empty, look for events that leave again: an expiration, a limit on what is kept, deletions.`;
  }
  const isReplaceable = lacking.every(({ kind }) =>
    ["replaceable", "addressable"].includes(classifyKind(kind)),
  );
  if (isReplaceable) {
    return "Replaceable kinds alone are short: look whether the relay takes events of different addresses for one (author, kind and `d`; a `d` may hold colons), or keeps an older version instead of the newer.";
  }
  return "Ids that were acknowledged are gone: the store loses them. Look for an OK that is sent before the commit, a batch of which one error loses the rest, a write policy that says OK and keeps nothing, and limits on what is kept.";
}
