/** What the delivery driver is given beside what all drivers have. */
import type { FanoutPlan } from "../../../src/plan/fanout.ts";
import type { Client } from "../connection/client.ts";
import type { Layout } from "./layout.ts";

export interface DeliveryOptions {
  readonly fanout: FanoutPlan;
  readonly layout: Layout;
  /** Those that publish; they are the VU's first. */
  readonly publishers: readonly Client[];
  /** The first event of each topic, as lines of the pool. */
  readonly probes: readonly string[];
  /** `created_at` of the pool's oldest event. */
  readonly since: number;
  readonly largestFrame: number;
  /** What others have due is done, between frames too; gives when they have the next. */
  readonly whenRead: (nowMs: number) => number;
}
