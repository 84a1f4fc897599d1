/** A capacity as one HTML file, in the look of a run's report. */
import type { CapacityReport } from "../../capacity/result.ts";
import { type PageAssets, renderDocument } from "../html/document.ts";
import { capacityCharts } from "./charts.ts";
import { capacityDocument } from "./document.ts";

export function renderCapacityHtml(report: CapacityReport, assets: PageAssets): string {
  return renderDocument(capacityDocument(report), capacityCharts(report), assets);
}
