/** A capacity as Markdown. */
import type { CapacityReport } from "../../capacity/result.ts";
import { printDocument } from "../markdown.ts";
import { capacityDocument } from "./document.ts";

export function renderCapacity(report: CapacityReport): string {
  return printDocument(capacityDocument(report));
}
