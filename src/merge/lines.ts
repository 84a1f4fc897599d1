/**
 * Texts on their way through a log. Kubernetes' logs cut lines of more than 16 KiB into pieces, between which
 * lines of the other stream may come (containerd, kubelet): a longer text travels in numbered parts.
 */

export const MOST_LINE_BYTES = 15_000;
export const TEXT_MARK = "k6-nostr ";
/** A part's own words, in ASCII, and room for what a log puts in front of each line. */
const MOST_PART = MOST_LINE_BYTES - 1_000;
/** A character of a JavaScript string takes at most three bytes. */
const SURELY_SHORT = MOST_PART / 3;

/** The lines of a text, which is JSON behind a mark; `id` tells it from all others of a log. */
export function toLines(id: string, text: string): readonly string[] {
  if (text.length <= SURELY_SHORT) return [text];
  const ascii = toAscii(text);
  if (ascii.length <= MOST_PART) return [ascii];
  const count = Math.ceil(ascii.length / MOST_PART);
  return Array.from({ length: count }, (_, i) => {
    const piece = ascii.slice(i * MOST_PART, (i + 1) * MOST_PART);
    return `${TEXT_MARK}part ${id} ${i + 1}/${count} [${piece}]`;
  });
}

/** The same JSON in ASCII. */
export function toAscii(text: string): string {
  return text.replace(
    /[^\u0020-\u007e]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** Puts texts together again, whatever a log wrote before them and in whatever order their parts come. */
export class LineJoiner {
  readonly #open = new Map<string, (string | undefined)[]>();

  /** The whole text that a line is, or completes; `null` where it is none, or not complete yet. */
  take(line: string): string | null {
    const from = line.indexOf(TEXT_MARK);
    if (from < 0) return null;
    const text = line.slice(from).trimEnd();
    const match = /^k6-nostr part (\S+) (\d{1,4})\/(\d{1,4}) \[(.*)\]$/.exec(text);
    if (match === null) return text;
    const [, id = "", number = "", count = "", piece = ""] = match;
    const parts = this.#open.get(id) ?? new Array<string | undefined>(Number(count));
    this.#open.set(id, parts);
    parts[Number(number) - 1] = piece;
    for (let i = 0; i < parts.length; i++) if (parts[i] === undefined) return null;
    this.#open.delete(id);
    return parts.join("");
  }
}
