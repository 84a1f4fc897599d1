/** A relay chose some of a report's texts: nothing of them may be read as markup. */

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Text for an element or a quoted attribute. */
export function escapeHtml(text: string): string {
  return Array.from(text, (c) => ENTITIES[c] ?? (isControl(c) ? " " : c)).join("");
}

function isControl(c: string): boolean {
  return (c < " " && c !== "\n") || (c >= "\u007f" && c <= "\u009f") || isBidiOverride(c);
}

/** Characters that make a text read in another order than it is written. */
function isBidiOverride(c: string): boolean {
  return (c >= "\u202a" && c <= "\u202e") || (c >= "\u2066" && c <= "\u2069");
}

/** JSON within a `<script>` element: no `<`, so nothing can end the element or begin a comment. */
export function escapeJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[<>&\u2028\u2029]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
