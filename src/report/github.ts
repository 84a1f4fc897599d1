/**
 * Workflow commands and the step summary of GitHub Actions, within its limits: ten annotations of a kind
 * for a step, 1 MiB of summary for a step.
 */
import type { GateItem } from "./gate.ts";

export const MOST_ANNOTATIONS = 10;
const MOST_TEXT = 500;

type Kind = "error" | "warning" | "notice";

/** One workflow command a line; what passed has none. */
export function renderAnnotations(items: readonly GateItem[]): string {
  const lines = (["error", "warning", "notice"] as const).flatMap((kind) => {
    const own = items.filter((item) => kindOf(item) === kind);
    const shown = own.slice(0, own.length > MOST_ANNOTATIONS ? MOST_ANNOTATIONS - 1 : undefined);
    const rest = own.length - shown.length;
    return [
      ...shown.map((item) => annotation(kind, `${item.group}: ${item.name}`, item.message)),
      ...(rest > 0 ? [annotation(kind, "more", `${rest} more are in the summary`)] : []),
    ];
  });
  return lines.map((line) => `${line}\n`).join("");
}

/** Cuts a summary to so many bytes of UTF-8, at the end of a line, and says so. */
export function capSummary(markdown: string, mostBytes: number): string {
  if (utf8Bytes(markdown) <= mostBytes) return markdown;
  const note = "\n\n*Cut here: GitHub takes no more. The JSON report has the rest.*\n";
  let left = mostBytes - utf8Bytes(note);
  const kept: string[] = [];
  for (const line of markdown.split("\n")) {
    left -= utf8Bytes(line) + 1;
    if (left < 0) break;
    kept.push(line);
  }
  return kept.length === 0 ? "" : `${kept.join("\n")}${closers(kept)}${note}`;
}

function closers(lines: readonly string[]): string {
  const fences = lines.filter((line) => line.startsWith("```")).length;
  const open = lines.filter((line) => line.startsWith("<details>")).length;
  const closed = lines.filter((line) => line.startsWith("</details>")).length;
  return `${fences % 2 === 1 ? "\n```" : ""}${"\n\n</details>".repeat(Math.max(0, open - closed))}`;
}

function kindOf({ state }: GateItem): Kind | null {
  if (state === "failed") return "error";
  return state === "warning" || state === "notice" ? state : null;
}

function annotation(kind: Kind, title: string, message: string): string {
  return `::${kind} title=${escapeProperty(clip(title))}::${escapeData(clip(message))}`;
}

/** As @actions/core does it: `%`, CR and LF end or forge a command. */
function escapeData(text: string): string {
  return text.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
}

function escapeProperty(text: string): string {
  return escapeData(text).replaceAll(":", "%3A").replaceAll(",", "%2C");
}

function clip(text: string): string {
  return text.length > MOST_TEXT ? `${text.slice(0, MOST_TEXT - 1)}…` : text;
}

/** Bytes in UTF-8; `TextEncoder` is no part of the pure code's world. */
function utf8Bytes(text: string): number {
  let bytes = 0;
  for (const char of text) {
    const point = char.codePointAt(0) ?? 0;
    bytes += point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x1_0000 ? 3 : 4;
  }
  return bytes;
}
