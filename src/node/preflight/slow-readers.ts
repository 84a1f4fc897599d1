/** Whether peers that hardly read are owed enough for a relay to notice. Pure. */
import { joinsOf, topicsOfVu } from "../../plan/fanout.ts";
import type { Plan } from "../../plan/plan.ts";
import { formatBytes } from "../../report/format.ts";
import { MOST_TOPICS } from "../slow-readers/topics.ts";
import { advice, type Finding, ok } from "./finding.ts";

/** Seen on Linux: what both ends of a loopback connection take that nobody reads. */
const SYSTEM_BYTES = 6_000_000;
/** What else is in a frame. */
const AROUND_EVENT = 18;

/** `meanFrame`: of an event in the pool. */
export function judgeSlowReaders(plan: Plan, meanFrame: number): Finding[] {
  const { fanout, durationSec, rateEps, vus } = plan;
  const share = fanout === null ? null : joinsOf(fanout).slowReaders;
  if (fanout === null || share === null) return [];
  const topics = topicsOfVu(fanout, vus) * vus;
  const part = Math.min(MOST_TOPICS, topics) / topics;
  const sec = (1 - share) * durationSec;
  const perSec = rateEps * part * fanout.subsPerConnection * (meanFrame + AROUND_EVENT);
  const unread = Math.max(0, perSec - fanout.slowReaderRate) * sec;
  const what = `a slow reader is owed ${formatBytes(perSec)} a second and leaves ${formatBytes(unread)} unread`;
  if (unread > 2 * SYSTEM_BYTES) return [ok("slow-readers", what)];
  return [
    advice("slow-readers", {
      what,
      why: `the system takes up to ${formatBytes(SYSTEM_BYTES)} of it: the relay would notice little or nothing`,
      remedy: "raise --rate, --subs-per-connection or --duration, or lower --slow-reader-rate",
    }),
  ];
}
