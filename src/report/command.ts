/** Shell lines that a reader may copy: every value quoted, whatever it holds. */
import type { Report } from "./types.ts";

/** One word of a POSIX shell. Control characters, which terminals obey, become spaces. */
export function shellQuote(text: string): string {
  const plain = Array.from(text, (c) => (c < " " || c === "\u007f" ? " " : c)).join("");
  if (/^[\w@%+=:,./-]+$/.test(plain) && !plain.startsWith("-")) return plain;
  return `'${plain.replaceAll("'", "'\\''")}'`;
}

/**
 * The command that makes the load of a report again. Without a relay its URL is asked for: a report keeps
 * only its host and port.
 */
export function rerunCommand({ config: c, run }: Report, relay = '"$RELAY_URL"'): string {
  const mix = Object.entries(c.mix)
    .map(([type, weight]) => `${type}:${weight}`)
    .join(",");
  const flags: readonly (readonly [string, string | number])[] = [
    ["clients", c.clients],
    ["rate", c.rateEps],
    ["duration", c.durationSec],
    ["warmup", c.warmupSec],
    ["mix", mix],
    ["seed", c.seed],
    ["arrival", c.arrival],
    ["max-in-flight", c.maxInFlight],
    ["connect-concurrency", c.connectConcurrency],
    ["ack-timeout", c.ackTimeoutMs],
  ];
  const words = flags.map(([flag, value]) => `--${flag} ${shellQuote(String(value))}`);
  return [
    `npx k6-nostr run ${shellQuote(run.scenario)} --relay ${relay}`,
    words.slice(0, 4).join(" "),
    words.slice(4, 7).join(" "),
    words.slice(7).join(" "),
  ].join(" \\\n  ");
}

/** The facts that another person needs to get the same run. */
export function reproduceSection(report: Report): string {
  const { run, config } = report;
  const consent =
    run.proofs.length === 0
      ? "a relay of your own on this machine"
      : `the relay whose owner consented (${run.proofs.map((p) => p.host).join(", ")}; add --allow-dedicated-relay)`;
  return [
    "## How to reproduce",
    "",
    `Set \`RELAY_URL\` to ${consent}; it was \`${config.relays.join(", ")}\`.`,
    "",
    "```sh",
    rerunCommand(report),
    "```",
    "",
    `- run \`${run.id}\`, plan \`${run.planHash}\``,
    `- seed \`${config.seed}\`, pool \`${config.pool.id}\` (${config.pool.events} events, ${config.pool.bytes} bytes)`,
    `- ${run.tool}, ${run.k6 ?? "k6 not measured"}, ${run.host.platform ?? "platform not measured"}, ${run.host.cpus ?? "?"} CPUs`,
  ].join("\n");
}
