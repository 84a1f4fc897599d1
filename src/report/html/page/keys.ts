/** The cursor by keyboard: arrows move it on all charts over time, and what it points at is read out. */
import uPlot from "uplot";

const FAST = 10;

export function moveByKeys(element: HTMLElement, plotOf: () => uPlot | null): void {
  element.addEventListener("keydown", (event) => {
    const plot = plotOf();
    if (plot === null) return;
    const last = plot.data[0].length - 1;
    const at = plot.cursor.idx ?? -1;
    const step = event.shiftKey ? FAST : 1;
    const next = {
      ArrowLeft: Math.max(0, at - step),
      ArrowRight: Math.min(last, at + step),
      Home: 0,
      End: last,
    }[event.key];
    if (event.key === "Escape") {
      point(plot, null);
      say(element, "");
      return;
    }
    if (next === undefined) return;
    event.preventDefault();
    point(plot, plot.data[0][next] ?? 0);
    say(element, readLegend(element));
  });
}

/** Moves the cursor of this chart and of those that share its axis; without a place hides them. */
function point(plot: uPlot, x: number | null): void {
  const key = plot.cursor.sync?.key;
  const linked = key ? uPlot.sync(key).plots : [plot];
  for (const each of linked) {
    const left = x === null ? -10 : each.valToPos(x, "x");
    each.setCursor({ left, top: x === null ? -10 : each.over.clientHeight / 2 });
  }
}

function say(element: HTMLElement, text: string): void {
  const readout = element.parentElement?.querySelector(".readout");
  if (readout) readout.textContent = text;
}

/** What the legend shows at the cursor, in one line. */
function readLegend(element: HTMLElement): string {
  return [...element.querySelectorAll(".u-legend .u-series")]
    .map((row) => {
      const label = row.querySelector(".u-label")?.textContent ?? "";
      const value = row.querySelector(".u-value")?.textContent ?? "";
      return `${label} ${value}`;
    })
    .join(", ");
}
