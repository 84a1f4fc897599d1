/** The page's script: draws the charts, and again when the theme or the width changes. */
import type uPlot from "uplot";
import type { Chart, PageData } from "../../charts/chart.ts";
import { drawHeat } from "./heat-plot.ts";
import { moveByKeys } from "./keys.ts";
import { drawLines } from "./line-plot.ts";
import { drawPoints } from "./point-plot.ts";
import { readTheme, startTheme } from "./theme.ts";

/** Room for the axes of a phone. */
const LEAST_WIDTH = 240;

interface Place {
  readonly element: HTMLElement;
  readonly chart: Chart;
  plot: uPlot | null;
  width: number;
}

function readPage(): PageData {
  // Made by `renderHtml`, from the same type.
  return JSON.parse(document.getElementById("page-data")?.textContent ?? "") as PageData;
}

function findPlaces(page: PageData): readonly Place[] {
  return [...document.querySelectorAll<HTMLElement>("[data-chart]")].flatMap((element) => {
    const chart = page.charts.find(({ id }) => id === element.dataset.chart);
    return chart === undefined ? [] : [{ element, chart, plot: null, width: 0 }];
  });
}

function draw(place: Place, page: PageData): void {
  const { element, chart } = place;
  place.plot?.destroy();
  place.width = Math.max(LEAST_WIDTH, Math.floor(element.clientWidth));
  const frame = { element, width: place.width, page, theme: readTheme() };
  if (chart.kind === "lines") place.plot = drawLines(chart, frame);
  else if (chart.kind === "heat") place.plot = drawHeat(chart, frame);
  else if (chart.kind === "points") place.plot = drawPoints(chart, frame);
}

function start(): void {
  const page = readPage();
  const places = findPlaces(page);
  for (const place of places) {
    draw(place, page);
    moveByKeys(place.element, () => place.plot);
  }
  const resized = new ResizeObserver(() => {
    for (const place of places) {
      if (Math.floor(place.element.clientWidth) !== place.width) draw(place, page);
    }
  });
  resized.observe(document.body);
  startTheme(() => {
    for (const place of places) draw(place, page);
  });
  document.documentElement.dataset.charts = String(places.filter((p) => p.plot !== null).length);
}

start();
