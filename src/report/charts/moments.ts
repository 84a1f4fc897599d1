/** What the plan had happen within the window. */
import { cutAtSec } from "../../plan/connect.ts";
import type { Report } from "../types.ts";
import type { Moment } from "./chart.ts";

export function momentsOf({ config }: Report): readonly Moment[] {
  const { connect, fanout, clients, durationSec } = config;
  const opening = (fanout?.baseline ?? 0) * durationSec;
  return [
    ...(connect?.mode === "recover"
      ? [
          {
            sec: cutAtSec(connect, clients),
            label: connect.dropShare > 0 ? "cut" : "restart due",
          },
        ]
      : []),
    ...(opening > 0 ? [{ sec: opening, label: "subscriptions opened" }] : []),
  ];
}
