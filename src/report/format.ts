/** Figures as text: units always, "not measured" for what was not. */

export const NOT_MEASURED = "not measured";

export function formatMs(value: number | null): string {
  if (value === null) return NOT_MEASURED;
  if (value < 10) return `${value.toFixed(2)} ms`;
  return value < 1_000 ? `${value.toFixed(1)} ms` : `${(value / 1_000).toFixed(2)} s`;
}

/** Whole numbers with thin groups: 12,345. `toLocaleString` is missing in k6. */
export function formatCount(value: number): string {
  return String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, ",");
}

/** A count with its noun: 1 event, 2 events. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}

export function formatRate(value: number | null, unit = "events/s"): string {
  if (value === null) return NOT_MEASURED;
  return `${value < 100 ? value.toFixed(1) : formatCount(value)} ${unit}`;
}

export function formatPercent(share: number | null): string {
  if (share === null) return NOT_MEASURED;
  const percent = share * 100;
  if (percent !== 0 && percent < 0.01) return "< 0.01 %";
  // One that is missing of many is no whole.
  if (percent >= 99.95 && percent < 100)
    return percent >= 99.99 ? "> 99.99 %" : `${(Math.floor(percent * 100) / 100).toFixed(2)} %`;
  return `${percent.toFixed(percent < 10 ? 2 : 1)} %`;
}

export function formatBytes(value: number | null): string {
  if (value === null) return NOT_MEASURED;
  const units = ["B", "kB", "MB", "GB", "TB"];
  let size = value;
  let unit = 0;
  while (size >= 1_000 && unit < units.length - 1) {
    size /= 1_000;
    unit++;
  }
  return `${size.toFixed(unit === 0 || size >= 100 ? 0 : 1)} ${units[unit]}`;
}

/** One line of bars for a series; a gap where nothing was measured. */
export function sparkline(values: readonly (number | null)[], width = 60): string {
  const bars = "▁▂▃▄▅▆▇█";
  const bins = shrink(values, width);
  const most = Math.max(...bins.map((v) => v ?? 0));
  return bins
    .map((v) => {
      if (v === null) return " ";
      return bars[most === 0 ? 0 : Math.round((v / most) * (bars.length - 1))];
    })
    .join("");
}

/** Fewer values, each the largest of its bin: a peak must stay to be seen. */
function shrink(values: readonly (number | null)[], width: number): readonly (number | null)[] {
  if (values.length <= width) return values;
  return Array.from({ length: width }, (_, i) => {
    const from = Math.floor((i * values.length) / width);
    const bin = values.slice(from, Math.floor(((i + 1) * values.length) / width));
    const known = bin.filter((v) => v !== null);
    return known.length === 0 ? null : Math.max(...known);
  });
}

/**
 * A relay's or an error's text within a table cell: one line, nothing that Markdown would read, and nobody
 * whom GitHub would notify: behind an `@` goes a joiner that is not seen.
 */
export function cell(text: string): string {
  const plain = Array.from(text, (c) => (c < " " || c === "\u007f" ? " " : c)).join("");
  return plain
    .replace(/[\\`*_[\]<>|#~]/g, (c) => `\\${c}`)
    .replace(/@(?=\w)/g, "@\u2060")
    .trim();
}
