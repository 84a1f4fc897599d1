/** JUnit XML as CI systems read it: a test case for each threshold, verdict, audit and compared figure. */
import type { GateItem } from "./gate.ts";

/** Findings are advice, no tests, and are left out. */
export function renderJunit(items: readonly GateItem[], suite: string): string {
  const cases = items.filter(({ group }) => group !== "finding");
  const count = (state: GateItem["state"]) => cases.filter((c) => c.state === state).length;
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites tests="${cases.length}" failures="${count("failed")}" skipped="${count("skipped")}">`,
    `  <testsuite name="${escapeXml(suite)}" tests="${cases.length}" failures="${count("failed")}" errors="0" skipped="${count("skipped")}">`,
    ...cases.map(testCase),
    "  </testsuite>",
    "</testsuites>",
    "",
  ].join("\n");
}

function testCase({ group, name, state, message }: GateItem): string {
  const head = `    <testcase classname="${group}" name="${escapeXml(name)}"`;
  const text = escapeXml(message);
  if (state === "failed") return `${head}><failure message="${text}">${text}</failure></testcase>`;
  if (state === "skipped") return `${head}><skipped message="${text}"/></testcase>`;
  return `${head}><system-out>${text}</system-out></testcase>`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&apos;",
};

/** XML 1.0 has no place for most control characters, lone surrogates, U+FFFE and U+FFFF, escaped or not. */
function escapeXml(text: string): string {
  return Array.from(text, (char) => {
    const point = char.codePointAt(0) ?? 0;
    if (char === "\t" || char === "\n" || char === "\r") return `&#${point};`;
    const forbidden =
      point < 0x20 || (point >= 0xd800 && point < 0xe000) || point === 0xfffe || point === 0xffff;
    return forbidden ? "\ufffd" : (ENTITIES[char] ?? char);
  }).join("");
}
