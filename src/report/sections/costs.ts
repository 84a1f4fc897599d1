/** What connections cost the relay, and what the kernel did about them. */
import type { ConnectionCosts, Estimate, KernelCounts, Pulse } from "../cost-types.ts";
import { formatBytes, formatCount, formatMs, NOT_MEASURED } from "../format.ts";
import { synRetriesOf } from "../syn-retries.ts";
import type { Report } from "../types.ts";
import { type Block, table, text } from "./document.ts";

/** Of a run that is about connections. Markdown cuts lines that are long: each says one thing. */
export function costBlocks(report: Report): readonly Block[] {
  const { connectionCosts: costs = null, resources } = report;
  const lines = [
    ...describeKernel(resources?.kernel ?? null),
    ...describeRetries(report),
    ...(costs?.pulses ?? []).map(describePulse),
  ];
  return [...(costs === null ? [] : costsTable(costs)), ...lines.map(text), ...looksTable(costs)];
}

function costsTable(costs: ConnectionCosts): readonly Block[] {
  const { handshakeCpuMs, heldCpuUsPerSec, memoryBytes, openFiles, memoryOf, why } = costs;
  if (why !== null) {
    return [text(`What a connection costs the relay: ${NOT_MEASURED}, ${why}.`)];
  }
  return [
    table(
      "What a connection costs the relay, with 95 % intervals",
      ["of the relay's process", "#each", "#from", "#to", "#looks"],
      [
        row("CPU of a handshake and what is asked behind it", handshakeCpuMs, formatMs),
        row(`${memoryOf} memory of an open one`, memoryBytes, formatBytes),
        row("open files of an open one", openFiles, (n) => n.toFixed(2)),
        row("CPU a second of a held one", heldCpuUsPerSec, (n) => `${n.toFixed(1)} µs`),
      ],
    ),
  ];
}

function row(
  label: string,
  of: Estimate | null,
  format: (value: number) => string,
): readonly string[] {
  if (of === null) return [label, NOT_MEASURED, "", "", ""];
  const signed = (value: number) => (value < 0 ? `−${format(-value)}` : format(value));
  return [label, signed(of.value), signed(of.low), signed(of.high), formatCount(of.looks)];
}

/** Nothing where nothing was counted. */
export function describeKernel(kernel: KernelCounts | null): readonly string[] {
  if (kernel === null) return [];
  const { ofRelay, listenOverflows, listenDrops, synCookies, synRetransmits, timeWait } = kernel;
  const queue = [
    [listenOverflows, "met a full queue (ListenOverflows)"],
    [listenDrops, "were dropped (ListenDrops)"],
    [synCookies, "had a SYN cookie"],
  ] as const;
  const of = [
    // Who listens here is somebody else, where the relay does not.
    ...(ofRelay ? queue : []),
    [synRetransmits, "had a SYN, or its answer, sent again (TCPSynRetrans)"] as const,
  ].map(([n, what]) => `${n === null ? NOT_MEASURED : formatCount(n)} ${what}`);
  const whose = ofRelay
    ? "The kernel, with the relay in the same network"
    : "The kernel of the generator's host, which is not seen to be the relay's";
  return [
    `${whose}, counted of connections: ${of.join(", ")}.`,
    ...(timeWait === null
      ? []
      : [
          `Ports of closed connections (TIME_WAIT): ${formatCount(timeWait.before)} before the run, ${formatCount(timeWait.most)} at most, ${formatCount(timeWait.after)} behind it.`,
        ]),
  ];
}

/** Handshakes that took as long as a timer of the kernel, and not as long as the relay. */
function describeRetries({ classes, resources }: Report): readonly string[] {
  const retries = synRetriesOf(classes.connection.times.connect.histogram);
  if (retries.length === 0) return [];
  const told = retries.map(
    ({ afterSec, count }) => `${formatCount(count)} shortly behind ${afterSec} s`,
  );
  const again = resources?.kernel?.synRetransmits ?? null;
  const seen = again === null ? "nobody counted them" : `it sent ${formatCount(again)} again`;
  return [
    `Handshakes that cluster where a kernel sends a SYN again: ${told.join(", ")}.`,
    `So long it waits when a queue had no place for the first one (${seen} in this run): these times are the kernel's, and no work of the relay's.`,
  ];
}

function describePulse({ periodSec, of, atSec, cycles, mostPings, ...cpu }: Pulse): string {
  const why =
    of === "ping"
      ? `the pings (--ping ${periodSec}) come together as the connections did, ${formatCount(mostPings ?? 0)} in the fullest second`
      : "relays ping their clients at such periods";
  return `Every ${periodSec} s the relay's processor has a pulse: ${cpu.cpuPercent.toFixed(0)} % in second ${atSec} of each of ${cycles} periods, ${cpu.otherwisePercent.toFixed(0)} % in the others; ${why}.`;
}

function looksTable(costs: ConnectionCosts | null): readonly Block[] {
  const { looks = [] } = costs ?? {};
  if (looks.length === 0) return [];
  return [
    table(
      "The relay against open connections",
      ["at", "#open", "#memory", "#open files", "#CPU"],
      looks.map(({ t, open, memoryBytes, openFiles, cpuPercent }) => [
        formatMs(Math.max(0, t) * 1_000),
        formatCount(open),
        formatBytes(memoryBytes),
        openFiles === null ? NOT_MEASURED : formatCount(openFiles),
        cpuPercent === null ? NOT_MEASURED : `${cpuPercent.toFixed(0)} %`,
      ]),
    ),
  ];
}
