/** Refusal by text alone: nothing is resolved, dialled or made before it. */
import { ConfigError } from "../../errors.ts";
import { judgeByText } from "../../guard/guard.ts";
import type { Plan } from "../../plan/plan.ts";
import { policyOf } from "./policy.ts";

/** Refuses a plan's relays by text alone, before a name is resolved or a folder is made. */
export function refuseByText(plan: Plan): void {
  const policy = policyOf(plan);
  for (const url of plan.relays) {
    const verdict = judgeByText(url, policy);
    if (verdict.status === "refused") {
      throw new ConfigError(`refused \`${url.label}\`: ${verdict.reason}\n${verdict.remedy}`);
    }
  }
}
