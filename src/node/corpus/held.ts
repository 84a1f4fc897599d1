/** Which of some events a relay holds: they are asked for by their ids, in several REQs. */

import { openReader, type RelayReader, Unanswered } from "../audit/relay-reader.ts";
import type { Admission } from "../guard/gate.ts";

const IDS_AT_ONCE = 200;
const CONNECTIONS = 4;

/** Those of the ids that the relay does not return. Throws `Unanswered`. */
export async function findMissing(
  admission: Admission,
  ids: readonly string[],
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  const missing = new Set(ids);
  const batches = Array.from({ length: Math.ceil(ids.length / IDS_AT_ONCE) }, (_, i) =>
    ids.slice(i * IDS_AT_ONCE, (i + 1) * IDS_AT_ONCE),
  );
  const askOn = async (): Promise<void> => {
    const reader = await openReader(admission);
    const stop = () => reader.close("interrupted");
    signal.addEventListener("abort", stop);
    try {
      for (let batch = batches.pop(); batch !== undefined; batch = batches.pop()) {
        signal.throwIfAborted();
        for (const id of await findHeld(reader, batch)) missing.delete(id);
      }
    } finally {
      signal.removeEventListener("abort", stop);
      reader.close();
    }
  };
  const connections = Math.min(CONNECTIONS, batches.length);
  await Promise.all(Array.from({ length: connections }, askOn));
  return missing;
}

/** Relays clamp `limit` in silence: as long as something comes, the rest may be there too. */
async function findHeld(reader: RelayReader, ids: readonly string[]): Promise<ReadonlySet<string>> {
  const held = new Set<string>();
  let left = ids;
  let before = -1;
  while (left.length > 0 && held.size > before) {
    before = held.size;
    const answer = await reader.ask([{ ids: left, limit: left.length }]);
    if (answer.status === "refused") throw new Unanswered(answer.text);
    for (const { id } of answer.events) if (left.includes(id)) held.add(id);
    left = left.filter((id) => !held.has(id));
  }
  return held;
}
