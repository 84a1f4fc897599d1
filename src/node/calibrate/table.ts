/** The figures of a calibration as text, each with what it means. */
import { formatBytes, formatCount, formatMs, formatRate } from "../../report/format.ts";
import { CEILING_SHARE, RECEIVE_SHARE } from "../../report/share-signals.ts";
import {
  type Calibration,
  type Ceiling,
  type ConnectionFigures,
  type Floor,
  type GeneratorIdentity,
  isStalled,
  type ReceiveCeiling,
} from "./figures.ts";
import { describeOthers } from "./others.ts";

export function renderCalibration(calibration: Calibration): string {
  const { generator, form, measuredAt, ceiling, receive, connections } = calibration;
  const busy = describeOthers(calibration.othersPercent);
  const rows: readonly (readonly [label: string, lines: readonly string[]])[] = [
    ["ceiling", ceiling === null ? [NO_CEILING] : describeCeiling(ceiling)],
    ["receiving", describeReceive(receive)],
    ["floor", describeFloor(calibration)],
    ["connections", connections.length === 0 ? ["not measured"] : connections.map(describeOpened)],
    ["busy", busy === null ? [] : [busy]],
    ["host", [`${describeGenerator(generator)} (${form} calibration of ${measuredAt})`]],
  ];
  return rows
    .flatMap(([label, lines]) =>
      lines.map((line, i) => `${(i === 0 ? label : "").padEnd(11)} ${line}\n`),
    )
    .join("");
}

export const NO_CEILING =
  "none found: not even the lowest rate was held; the machine is busy with something else";

/** What a run says of the figures it is held against. */
export function describeKept(calibration: Calibration): string {
  const { ceiling, receive = null, floorMs, form, measuredAt } = calibration;
  const others = describeOthers(calibration.othersPercent);
  const held = [
    ...(ceiling === null ? [] : [`ceiling ${formatRate(ceiling.heldEps)}`]),
    ...(receive === null ? [] : [`reads ${describeRows(receive.heldRowsPerSec)}`]),
  ];
  return `${held.length === 0 ? "no ceiling found" : held.join(", ")}, floor ${formatMs(floorMs)} (${form} calibration of ${measuredAt.slice(0, 10)})${others === null ? "" : `; ${others}`}`;
}

function describeCeiling({ heldEps, failedEps, clients }: Ceiling): readonly string[] {
  const beyond =
    failedEps === null
      ? "more was not tried: it may be higher"
      : `${formatRate(failedEps)} was not held`;
  return [
    `${formatRate(heldEps)} over ${clients} connections, the verdict still valid; ${beyond}`,
    `plans above ${formatRate(heldEps * CEILING_SHARE.suspect)} are warned about, above ${formatRate(heldEps * CEILING_SHARE.invalid)} refused`,
    "the sink shares this machine: against a relay elsewhere there is more room",
  ];
}

function describeReceive(receive: ReceiveCeiling | null | undefined): readonly string[] {
  if (receive === undefined) return ["not measured"];
  if (receive === null) return [NO_CEILING];
  const { heldRowsPerSec, heldBytesPerSec, failedRowsPerSec, rowsAnAnswer, clients } = receive;
  const beyond =
    failedRowsPerSec === null
      ? "more was not tried: it may be higher"
      : `${describeRows(failedRowsPerSec)} were not held`;
  const busy = describeOthers(receive.othersPercent);
  return [
    `${describeRows(heldRowsPerSec)} (${formatBytes(heldBytesPerSec)}/s), ${rowsAnAnswer} an answer over ${clients} connections, each row held against the right one; ${beyond}`,
    `plans above ${describeRows(heldRowsPerSec * RECEIVE_SHARE.suspect)} are warned about, above ${describeRows(heldRowsPerSec * RECEIVE_SHARE.invalid)} refused`,
    ...(busy === null ? [] : [busy]),
  ];
}

export function describeRows(rowsPerSec: number): string {
  return `${formatCount(Math.round(rowsPerSec))} rows/s`;
}

function describeFloor(calibration: Calibration): readonly string[] {
  const { floorMs, floors } = calibration;
  return [
    `${formatMs(floorMs)} p50 of service time: no relay can look faster from here`,
    ...floors.map(
      (floor) =>
        `${describeGentle(floor)}: p50 ${formatMs(floor.p50Ms)}, p99 ${formatMs(floor.p99Ms)}`,
    ),
    ...(isStalled(calibration) ? [STALLED] : []),
  ];
}

export function describeGentle({ clients, rateEps }: Pick<Floor, "clients" | "rateEps">): string {
  return `${clients} connection${clients === 1 ? "" : "s"}, ${formatRate(rateEps)}`;
}

export const STALLED =
  "that is a stall and no floor: small writes wait for acknowledgements (Nagle's algorithm and delayed ACK), or the machine is overloaded; service times from here say nothing";

function describeOpened(figures: ConnectionFigures): string {
  const { asked, opened, connectP50Ms, connectP99Ms, bytesEach } = figures;
  const memory = bytesEach === null ? "" : `, about ${formatBytes(bytesEach)} of k6's memory each`;
  return `${formatCount(opened)} of ${formatCount(asked)} opened; handshake p50 ${formatMs(connectP50Ms)}, p99 ${formatMs(connectP99Ms)}${memory}`;
}

function describeGenerator({ cpu, cores, platform, k6, tool }: GeneratorIdentity): string {
  return `${cpu}, ${cores} cores, ${platform}, k6 v${k6}, ${tool}`;
}
