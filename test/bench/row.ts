/** A row of the bench's table: what was measured, the figure, and what is to be said of it: its goal, before all. */

export type Print = (what: string, figure: string, note?: string) => void;

export const printRow: Print = (what, figure, note = "") => {
  console.log(`${what.padEnd(48)} ${figure.padEnd(40)} ${note}`);
};

export function eventsPerSecond(n: number): string {
  return `${n.toFixed(0)} events/s`;
}

export function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(0)} MB`;
}
