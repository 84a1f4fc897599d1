/**
 * A report as a document: what is said, once, for Markdown and HTML. Texts are plain; each printer
 * escapes all of them, since a relay chose some.
 */
import type { ChartId } from "../charts/chart.ts";

export type Span = string | { readonly strong: string } | { readonly code: string };
export type Text = string | readonly Span[];

/** An item of a list, with what belongs below it. */
export interface ListItem {
  readonly text: Text;
  readonly below: readonly Text[];
}

export interface TableColumn {
  readonly label: string;
  readonly numeric: boolean;
}

export interface Table {
  readonly kind: "table";
  /** What the table shows, for those who do not see what stands around it. */
  readonly caption: string;
  readonly columns: readonly TableColumn[];
  readonly rows: readonly (readonly Text[])[];
}

export type Block =
  | { readonly kind: "text"; readonly text: Text }
  | { readonly kind: "list"; readonly ordered: boolean; readonly items: readonly ListItem[] }
  | { readonly kind: "code"; readonly code: string }
  | { readonly kind: "details"; readonly summary: string; readonly blocks: readonly Block[] }
  /** Markdown has none: its sparklines stand at the top. */
  | { readonly kind: "charts"; readonly ids: readonly ChartId[] }
  | Table;

export interface Section {
  readonly id: string;
  readonly title: string;
  readonly blocks: readonly Block[];
}

export interface SparkLine {
  readonly label: string;
  readonly values: readonly (number | null)[];
  readonly most: string;
}

export interface ReportDocument {
  readonly title: string;
  /** How the headline is to be taken at a glance; its words say the same. */
  readonly tone: "good" | "warn" | "bad";
  /** The answers to the first two questions, and which run this is. */
  readonly headline: Text;
  /** The relay: its software and version, as it says itself, and where. */
  readonly tested: readonly Text[];
  /** What the run found out, in one sentence. */
  readonly outcome: Text;
  /** What comes next, from the first finding. */
  readonly lead: Text;
  readonly keyFigures: readonly { readonly label: string; readonly value: string }[];
  readonly sparkLines: readonly SparkLine[];
  readonly sections: readonly Section[];
}

export function text(value: Text): Block {
  return { kind: "text", text: value };
}

export function list(texts: readonly Text[]): readonly Block[] {
  const items = texts.map((text) => ({ text, below: [] }));
  return items.length === 0 ? [] : [{ kind: "list", ordered: false, items }];
}

export function details(summary: string, ...blocks: readonly Block[]): Block {
  return { kind: "details", summary, blocks };
}

/** Columns whose name begins with `#` hold numbers. */
export function table(
  caption: string,
  columns: readonly string[],
  rows: readonly (readonly Text[])[],
): Table {
  return {
    kind: "table",
    caption,
    columns: columns.map((name) => ({
      label: name.replace(/^#/, ""),
      numeric: name.startsWith("#"),
    })),
    rows,
  };
}

export function strong(value: string): Span {
  return { strong: value };
}

export function code(value: string): Span {
  return { code: value };
}
