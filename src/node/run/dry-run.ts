/** The plan in words, for `--dry-run`: by text alone. No socket, no name, no file. */
import { judgeByText } from "../../guard/guard.ts";
import { sliceLengthMs } from "../../measure/slice.ts";
import { mostSeconds } from "../../plan/duration.ts";
import { eventsNeeded, type Plan } from "../../plan/plan.ts";
import { formatCount } from "../../report/format.ts";
import { policyOf } from "./run.ts";

export function describePlan(plan: Plan, poolDir: string | undefined): string {
  const targets = plan.relays.map((relay) => {
    const verdict = judgeByText(relay, policyOf(plan));
    return `  ${relay.scheme}://${relay.label}  ${verdict.status} by text: ${verdict.reason}`;
  });
  const planned = Math.floor(plan.rateEps * plan.durationSec);
  const rows: readonly (readonly [string, string])[] = [
    [
      "clients",
      `${formatCount(plan.clients)} connections, ${plan.connectConcurrency} handshakes at once, ${plan.vus} VUs`,
    ],
    [
      "schedule",
      `${plan.rateEps} events/s, ${plan.arrival}, ${plan.warmupSec} s warm-up, ${plan.durationSec} s window, at most ${mostSeconds(plan)} s in all`,
    ],
    [
      "events",
      `${formatCount(planned)} in the window; pool ${poolDir ?? `of ${formatCount(eventsNeeded(plan))}, made or kept`}`,
    ],
    ["mix", plan.mix],
    ["seed", plan.seed],
    [
      "in flight",
      `at most ${plan.maxInFlight} on a connection; unanswered after ${plan.ackTimeoutMs} ms: timed out`,
    ],
    ["slices", `${sliceLengthMs(plan.durationSec)} ms`],
    [
      "thresholds",
      plan.thresholds.map((t) => `${t.metric}: ${t.expressions.join(", ")}`).join("; "),
    ],
    [
      "reports",
      `${plan.reportDir}/runs/<run id>/, ${plan.reportDir}/load-report-<day>.json, ${plan.reportDir}/load-test-report-<day>.md`,
    ],
  ];
  return [
    `dry run of ${plan.scenario}: nothing is sent, resolved or written`,
    ...targets,
    ...rows.map(([label, text]) => `${label.padEnd(11)} ${text}`),
    "",
  ].join("\n");
}
