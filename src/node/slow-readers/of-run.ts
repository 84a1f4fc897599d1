/** The slow readers that a run asks for. */
import { joinsOf } from "../../plan/fanout.ts";
import type { Drive } from "../run/driven.ts";
import { planSlowReaders, type SlowReadersHelper } from "./slow-readers.ts";
import { topicFilters } from "./topics.ts";

/** `null` where it asks for none. */
export function slowReadersOf(drive: Drive): SlowReadersHelper | null {
  const { plan, pool, poolDir, terminal, admissions } = drive;
  const { fanout, vus, durationSec } = plan;
  const [admission] = admissions;
  if (fanout === null || poolDir === null || admission === undefined) return null;
  const share = joinsOf(fanout).slowReaders;
  if (share === null) return null;
  return planSlowReaders({
    admission,
    readers: fanout.slowReaders,
    bytesPerSec: fanout.slowReaderRate,
    subscriptions: fanout.subsPerConnection,
    atSec: share * durationSec,
    asked: () => topicFilters(poolDir, pool, { fanout, vus }),
    onNote: (text) => terminal.note(`slow        ${text}`),
  });
}
