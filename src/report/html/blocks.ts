/** Blocks of the document as HTML. Every text goes through `escapeHtml`. */
import type { Chart, PageData } from "../charts/chart.ts";
import type { Block, ListItem, Section, Span, Table, Text } from "../sections/document.ts";
import { escapeHtml } from "./escape.ts";
import { renderFigure } from "./figure.ts";
import { scrollingTable } from "./table.ts";

/** A report of many errors must still open. */
const MOST_ROWS = 1_000;

export function renderSection({ id, title, blocks }: Section, page: PageData): string {
  const body = blocks.map((block) => renderBlock(block, page)).join("\n");
  return `<section id="${escapeHtml(id)}" aria-labelledby="${escapeHtml(id)}-title">
<h2 id="${escapeHtml(id)}-title">${escapeHtml(title)}</h2>
${body}
</section>`;
}

function renderBlock(block: Block, page: PageData): string {
  switch (block.kind) {
    case "text":
      return `<p>${renderText(block.text)}</p>`;
    case "list": {
      const tag = block.ordered ? "ol" : "ul";
      return `<${tag}>${block.items.map(renderItem).join("\n")}</${tag}>`;
    }
    case "code":
      return `<pre tabindex="0" aria-label="Command"><code>${escapeHtml(block.code)}</code></pre>`;
    case "table":
      return renderTable(block);
    case "details": {
      const inner = block.blocks.map((child) => renderBlock(child, page)).join("\n");
      return `<details><summary>${escapeHtml(block.summary)}</summary>\n${inner}\n</details>`;
    }
    case "charts": {
      const charts = block.ids.flatMap((id): Chart[] => page.charts.filter((c) => c.id === id));
      return charts.map((chart) => renderFigure(chart, page)).join("\n");
    }
  }
}

function renderItem({ text, below }: ListItem): string {
  const lines = below.map((line) => `<li>${renderText(line)}</li>`);
  const inner = lines.length === 0 ? "" : `<ul>${lines.join("")}</ul>`;
  return `<li>${renderText(text)}${inner}</li>`;
}

export function renderText(text: Text): string {
  if (typeof text === "string") return escapeHtml(text);
  return text.map(renderSpan).join("");
}

function renderSpan(span: Span): string {
  if (typeof span === "string") return escapeHtml(span);
  if ("strong" in span) return `<strong>${escapeHtml(span.strong)}</strong>`;
  return span.code === "" ? "" : `<code>${escapeHtml(span.code)}</code>`;
}

function renderTable({ caption, columns, rows }: Table): string {
  if (rows.length === 0) return "";
  const shown = rows.slice(0, MOST_ROWS).map((row) => row.map(renderText));
  const more = rows.length - shown.length;
  const rest = more > 0 ? `<p>${more} more rows: see the JSON report.</p>` : "";
  return scrollingTable(caption, columns, shown) + rest;
}
