/** How to run it again. */
import type { Report } from "../types.ts";
import type { Section } from "./document.ts";

export function againSection(report: Report): Section {
  return {
    id: "again",
    title: "How to run it again",
    blocks: [{ kind: "code", code: runCommand(report) }],
  };
}

/** The command of the same run: seed and options, each as one word for a shell. */
function runCommand({ config: c, run }: Report): string {
  const mix = Object.entries(c.mix)
    .map(([type, weight]) => `${type}:${weight}`)
    .join(",");
  const relays = c.relays.map((label) => `ws://${label}`).join(",");
  return [
    `npx k6-nostr run ${word(run.scenario)}`,
    `--relay ${word(relays)}`,
    `--clients ${c.clients} --rate ${c.rateEps} --duration ${c.durationSec} --mix ${word(mix)} --seed ${word(c.seed)}`,
    `--arrival ${word(c.arrival)} --max-in-flight ${c.maxInFlight} --ack-timeout ${c.ackTimeoutMs} --warmup ${c.warmupSec}`,
  ].join(" \\\n  ");
}

/** A report may come from anywhere: what is pasted into a shell is one word of it, and one line. */
function word(value: string): string {
  if (/^[\w.,:@%+=/-]+$/.test(value)) return value;
  const line = Array.from(value, (c) => (c < " " || c === "\u007f" ? " " : c)).join("");
  return `'${line.replaceAll("'", "'\\''")}'`;
}
