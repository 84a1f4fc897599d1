/** What preflight found, as data: advice never stops a run, what would make its figures wrong does. */

export interface Finding {
  readonly id: string;
  readonly level: "stop" | "advice" | "ok";
  readonly what: string;
  /** Why it matters; empty where all is well, and so is the remedy. */
  readonly why: string;
  readonly remedy: string;
}

export interface Explanation {
  readonly what: string;
  readonly why: string;
  readonly remedy: string;
}

export function stop(id: string, explanation: Explanation): Finding {
  return { id, level: "stop", ...explanation };
}

export function advice(id: string, explanation: Explanation): Finding {
  return { id, level: "advice", ...explanation };
}

export function ok(id: string, what: string): Finding {
  return { id, level: "ok", what, why: "", remedy: "" };
}

const HEADINGS = { stop: "stops a run", advice: "advice", ok: "fine" } as const;

/** All findings for a person, grouped by level, with the verdict as the last line. */
export function renderFindings(findings: readonly Finding[]): string {
  const lines = (["stop", "advice", "ok"] as const).flatMap((level) => {
    const group = findings.filter((finding) => finding.level === level);
    return group.length === 0 ? [] : [HEADINGS[level], ...group.flatMap(describeFinding), ""];
  });
  const stops = findings.filter(({ level }) => level === "stop").length;
  const verdict = stops === 0 ? "ready: a run may start" : `not ready: ${stops} would stop a run`;
  return `${[...lines, `verdict     ${verdict}`].join("\n")}\n`;
}

function describeFinding({ id, what, why, remedy }: Finding): readonly string[] {
  const indent = " ".repeat(17);
  const rest = why === "" ? [] : [`${indent}why: ${why}`, `${indent}do:  ${remedy}`];
  return [`  ${id.padEnd(14)} ${what}`, ...rest];
}
