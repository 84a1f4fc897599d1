/**
 * A WebSocket handshake with an admitted relay, and what it says about events that are published one after the
 * other. One connection, opened anew only where an event ended it.
 */

import type { Admission } from "../guard/gate.ts";
import { openProbe, type ProbeConnection, type Said } from "./probe-connection.ts";
import type { ProbeEvent } from "./sample.ts";

const ANSWER_MS = 5_000;
/** Of a relay that left events unanswered no more is waited for than this. */
const IMPATIENT_MS = 1_000;
const MOST_SILENT = 3;
const MOST_ENDS = 3;

export type ProbeAnswer = { readonly probe: ProbeEvent } & Said;

export interface Probe {
  /** The admitted address that answers; those before it do not, each with its reason. */
  readonly address: string;
  readonly passed: readonly string[];
  /** By event that was sent, in the order of sending. */
  readonly answers: readonly ProbeAnswer[];
  /** Events that were not sent, since those before told enough. */
  readonly unsent: number;
  /** It sent an AUTH challenge (NIP-42). */
  readonly challenged: boolean;
}

export interface Unreached {
  readonly status: "unreached";
  readonly reason: string;
}

/** Opens a connection to the first admitted address that answers. Never rejects; ends in bounded time. */
export async function reachRelay(admission: Admission): Promise<ProbeConnection | Unreached> {
  const passed: string[] = [];
  for (const address of admission.addresses) {
    const opened = await openProbe(admission, address, passed);
    if (typeof opened !== "string") return opened;
    passed.push(admission.addresses.length === 1 ? opened : `${address}: ${opened}`);
  }
  return { status: "unreached", reason: passed.join(", ") };
}

/** Publishes the events, closes. Never rejects; ends in bounded time. */
export async function probeRelay(
  admission: Admission,
  first: ProbeConnection,
  probes: readonly ProbeEvent[],
): Promise<Probe> {
  const { address, passed } = first;
  const answers: ProbeAnswer[] = [];
  let connection: ProbeConnection | null = first;
  let challenged = false;
  for (const probe of probes) {
    // One that ended behind its OK is none of this event's doing.
    if (!connection.isOpen) connection = await openAgain(admission, address);
    if (connection === null) break;
    const silent = answers.filter(({ status }) => status === "silent").length;
    const answer = await connection.publish(probe.event, silent === 0 ? ANSWER_MS : IMPATIENT_MS);
    answers.push({ probe, ...answer });
    challenged ||= connection.challenged;
    if (answer.status === "ended") {
      if (isEndedByAll(answers)) break;
    } else if (answer.status === "silent" && silent + 1 === MOST_SILENT) break;
  }
  challenged ||= connection?.challenged === true;
  connection?.close();
  const unsent = probes.length - answers.length;
  return { address, passed, answers, unsent, challenged };
}

/** An event that ends the connection may be one of its kind; three in a row are not. */
function isEndedByAll(answers: readonly ProbeAnswer[]): boolean {
  const last = answers.slice(-MOST_ENDS);
  return last.length === MOST_ENDS && last.every(({ status }) => status === "ended");
}

async function openAgain(admission: Admission, address: string): Promise<ProbeConnection | null> {
  const opened = await openProbe(admission, address);
  return typeof opened === "string" ? null : opened;
}
