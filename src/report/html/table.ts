/** A table of the page. */
import type { TableColumn } from "../sections/document.ts";
import { escapeHtml } from "./escape.ts";

/** A table that scrolls within itself on a narrow page. Cells are HTML already. */
export function scrollingTable(
  caption: string,
  columns: readonly TableColumn[],
  rows: readonly (readonly string[])[],
): string {
  const head = columns.map(({ label, numeric }) =>
    label === ""
      ? "<td></td>"
      : `<th scope="col"${numericClass(numeric)}>${escapeHtml(label)}</th>`,
  );
  const body = rows.map((row) => {
    const cells = row.map((cell, i) => {
      const numeric = numericClass(columns[i]?.numeric === true);
      return i === 0 ? `<th scope="row"${numeric}>${cell}` : `<td${numeric}>${cell}`;
    });
    return `<tr>${cells.join("")}`;
  });
  const label = escapeHtml(caption);
  return `<div class="scroll" tabindex="0" role="region" aria-label="${label}"><table>
<caption>${label}</caption>
<thead><tr>${head.join("")}</tr></thead>
<tbody>${body.join("\n")}</tbody>
</table></div>`;
}

function numericClass(numeric: boolean): string {
  return numeric ? " class=n" : "";
}
