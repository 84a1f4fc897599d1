/** Subscription ids: two digits of the row, so that rows behind an answer's end still say whose they are, then a number that no other has. */
const BASE = 36;
const ROW_DIGITS = 2;

export function idOf(row: number, number: number): string {
  return row.toString(BASE).padStart(ROW_DIGITS, "0") + number.toString(BASE);
}

/** The row of an id that was given out, the last of them being `last`; `null`: nobody asked under it. */
export function rowOfId(id: string, last: number): number | null {
  const row = Number.parseInt(id.substring(0, ROW_DIGITS), BASE);
  const number = Number.parseInt(id.substring(ROW_DIGITS), BASE);
  return number >= 1 && number <= last && idOf(row, number) === id ? row : null;
}
