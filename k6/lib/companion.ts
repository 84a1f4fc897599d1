/**
 * Resources as k6 metrics: one VU of its own asks the companion for each second's samples and feeds
 * trends. It waits in the network and not in JavaScript, so that the publishing VUs notice nothing.
 */
import exec from "k6/execution";
import http from "k6/http";
import { Trend } from "k6/metrics";
import { RESOURCE_METRICS } from "../../src/measure/resource-metrics.ts";
import type { Plan } from "../../src/plan/plan.ts";

export const COMPANION_SCENARIO = "resources";

const trends: Readonly<Record<string, Trend>> = Object.fromEntries(
  Object.keys(RESOURCE_METRICS).map((name) => [name, new Trend(name)]),
);

interface Moment {
  readonly over: boolean;
  readonly inWindow: boolean;
  readonly metrics: Readonly<Record<string, number>>;
}

/** The scenario beside the one that publishes; none where there is no companion. */
export function companionScenario(plan: Plan, url: string | null, mostSec: number): object {
  if (url === null) return {};
  return {
    [COMPANION_SCENARIO]: {
      executor: "per-vu-iterations",
      exec: "watchResources",
      // Of several instances each has one.
      vus: plan.instances,
      iterations: 1,
      maxDuration: `${mostSec}s`,
      gracefulStop: "0s",
    },
  };
}

/** Asks until there is nothing more, the companion is gone, or no other VU is left. */
export function pollCompanion(url: string): void {
  const instance = exec.instance;
  const params = { timeout: "5s", redirects: 0, tags: { name: "companion" } };
  for (let alone = 0; alone < 2; alone = instance.vusActive <= 1 ? alone + 1 : 0) {
    const { status, body } = http.get(`${url}/next`, params);
    if (status !== 200 || typeof body !== "string") return;
    const moment = JSON.parse(body) as Moment;
    if (moment.over) return;
    if (moment.inWindow) feed(moment);
  }
}

function feed({ metrics }: Moment): void {
  for (const [name, value] of Object.entries(metrics)) trends[name]?.add(value);
}
