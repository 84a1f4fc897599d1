/**
 * A document as one HTML file that needs nothing else: style, script and figures are in it, and its policy lets it
 * load nothing. A function of what it is given alone, so the same report gives the same file again.
 */
import type { PageData } from "../charts/chart.ts";
import type { ReportDocument } from "../sections/document.ts";
import { renderSection, renderText } from "./blocks.ts";
import { escapeHtml, escapeJson } from "./escape.ts";

/** The page's script and style with the hashes by which its policy admits them, `sha256-…`. */
export interface PageAssets {
  readonly script: string;
  readonly scriptHash: string;
  readonly style: string;
  readonly styleHash: string;
}

export function renderDocument(
  document: ReportDocument,
  page: PageData,
  assets: PageAssets,
): string {
  const policy = `default-src 'none'; script-src '${assets.scriptHash}'; style-src '${assets.styleHash}'; base-uri 'none'; form-action 'none'`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>${escapeHtml(document.title)}</title>
<style>${assets.style}</style>
</head>
<body>
${header(document)}
<main>
${document.sections.map((section) => renderSection(section, page)).join("\n")}
</main>
<script type="application/json" id="page-data">${escapeJson(page)}</script>
<script>${assets.script}</script>
</body>
</html>
`;
}

function header(document: ReportDocument): string {
  const { title, tone, headline, tested, outcome, lead, keyFigures, sections } = document;
  const cards = keyFigures.map(
    ({ label, value }) => `<div><dt>${escapeHtml(label)}</dt><dd>${escapeHtml(value)}</dd></div>`,
  );
  const links = sections.map(
    (s) => `<li><a href="#${escapeHtml(s.id)}">${escapeHtml(s.title)}</a></li>`,
  );
  return `<header>
<div class="bar"><h1>${escapeHtml(title)}</h1><button type="button" id="theme" aria-pressed="false" hidden>Dark</button></div>
<p class="tested">${tested.map(renderText).join("; ")}</p>
<p class="verdict ${tone}">${renderText(headline)}</p>
<p class="outcome">${renderText(outcome)}</p>
<p class="lead">${renderText(lead)} <a href="#findings">All findings</a></p>
<dl class="key">${cards.join("")}</dl>
<nav aria-label="Sections"><ul>${links.join("")}</ul></nav>
<noscript><p>Charts need scripts; every figure is in the tables below.</p></noscript>
</header>`;
}
