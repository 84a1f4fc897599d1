/** Shell lines that a reader may copy: every value quoted, whatever it holds. */
import { OPTION_NAMES, OPTIONS, type OptionName } from "../plan/option-table.ts";
import type { Report } from "./types.ts";

/** One word of a POSIX shell. Control characters, which terminals obey, become spaces. */
export function shellQuote(text: string): string {
  const plain = Array.from(text, (c) => (c < " " || c === "\u007f" ? " " : c)).join("");
  if (/^[\w@%+=:,./-]+$/.test(plain) && !plain.startsWith("-")) return plain;
  return `'${plain.replaceAll("'", "'\\''")}'`;
}

/**
 * The command that makes the load of a report again. Without a relay its URL is asked for: a report keeps
 * only its host and port. So is what else a report does not keep.
 */
export function rerunCommand(report: Report, relay = '"$RELAY_URL"'): string {
  const { options = {}, withheld = [] } = report.config;
  // Each of several generators runs it, with its own number and the start of all.
  const { several } = report.generator;
  const kept = OPTION_NAMES.filter((name) => name !== "relay");
  const groups = [...new Set(kept.map((name) => OPTIONS[name].group))].map((group) =>
    kept
      .filter((name) => OPTIONS[name].group === group)
      .flatMap((name) => flagsOf(name, options[OPTIONS[name].flag]))
      .join(" "),
  );
  const asked = kept.filter(
    (name) => withheld.includes(OPTIONS[name].flag) || isSource(name, report),
  );
  return [
    `npx k6-nostr ${several ? "share" : "run"} ${shellQuote(report.run.scenario)} --relay ${relay}`,
    ...(several ? ['--instance "$INSTANCE" --start-at "$START_AT"'] : []),
    ...groups.filter((flags) => flags !== ""),
    ...asked.flatMap((name) => askFor(name, report)),
  ].join(" \\\n  ");
}

/** Of switches, those that are off have no flag. */
function flagsOf(name: OptionName, text: string | undefined): readonly string[] {
  const { flag, value } = OPTIONS[name];
  if (text === undefined || (value === undefined && text === "0")) return [];
  if (value === undefined) return [`--${flag}`];
  const texts = name === "threshold" ? text.split(/[;\n]/) : [text];
  return texts.map((one) => `--${flag} ${shellQuote(one.trim())}`);
}

/** A user's own builders or events are asked for where nobody says which pool they were in. */
function isSource(name: OptionName, report: Report): boolean {
  const { source } = report.config.pool;
  const { withheld = [] } = report.config;
  if (!source || ["pool", "builders", "events"].some((flag) => withheld.includes(flag)))
    return false;
  return name === (isReplay(report) ? "events" : "builders");
}

/** What is not kept, with a place for its text. */
function askFor(name: OptionName, { config }: Report): readonly string[] {
  const { flag, value, variable } = OPTIONS[name];
  if (name === "header") {
    return (config.headers ?? []).map((header) => `--header ${shellQuote(`${header}: …`)}`);
  }
  return [value === undefined ? `--${flag}` : `--${flag} "$${variable}"`];
}

/** Where events came from that are not the kit's own; `null` when all are. */
export function describeSource({ config }: Report): string | null {
  const { source } = config.pool;
  // Reports from before this member have none.
  if (!source) return null;
  return "replay" in source
    ? `EVENTS is the file of signed events with the SHA-256 ${source.replay}`
    : `BUILDERS is the module of builders whose text and version have the digest ${source.builders.slice(0, 16)}`;
}

function isReplay({ config }: Report): boolean {
  const { source } = config.pool;
  return source ? "replay" in source : false;
}

/** The facts that another person needs to get the same run. */
export function reproduceSection(report: Report): string {
  const { run, config } = report;
  const source = describeSource(report);
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
    ...(source === null ? [] : [`- ${source}`]),
    `- run \`${run.id}\`, plan \`${run.planHash}\``,
    `- seed \`${config.seed}\`, pool \`${config.pool.id}\` (${config.pool.events} events, ${config.pool.bytes} bytes)`,
    `- ${run.tool}, ${run.k6 ?? "k6 not measured"}, ${run.host.platform ?? "platform not measured"}, ${run.host.cpus ?? "?"} CPUs`,
  ].join("\n");
}
