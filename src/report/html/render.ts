/** The report of a run as one HTML file. */
import { chartsOf } from "../charts/charts.ts";
import { describeReport } from "../sections/describe.ts";
import type { Report } from "../types.ts";
import { type PageAssets, renderDocument } from "./document.ts";

export function renderHtml(report: Report, assets: PageAssets): string {
  return renderDocument(describeReport(report), chartsOf(report), assets);
}
