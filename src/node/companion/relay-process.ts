/**
 * Which process is the relay, and which one stands in its way: given, or the owner of its port. One that
 * ended is looked for again, since a supervisor starts it anew under another id.
 */
import { classifyAddress, parseAddress } from "../../guard/address.ts";
import type { PortProxy, Resources } from "../../report/types.ts";
import type { Admission } from "../guard/gate.ts";
import { processName } from "../proc.ts";
import type { WatchedSpan } from "../sampler.ts";
import { findPortOwner, type PortOwner } from "./port-owner.ts";

type NotMeasured = Resources["notMeasured"][number];

export interface FoundRelay {
  readonly pids: readonly number[];
  readonly describe: string | null;
  readonly proxy: PortProxy | null;
  readonly notMeasured: readonly NotMeasured[];
}

export async function findRelay(
  relayPid: number | undefined,
  admissions: readonly Admission[],
): Promise<FoundRelay> {
  const owners = await ownersOf(admissions);
  const proxies = owners.flatMap(({ owner }) => (owner.status === "proxy" ? [owner] : []));
  const [first] = proxies;
  const proxy = first && { name: first.name, pids: proxies.flatMap(({ pids }) => pids) };
  if (relayPid !== undefined) {
    const name = processName(relayPid);
    const pids = name === null ? [] : [relayPid];
    const describe = name === null ? null : `${name}, as given`;
    const why = `no process ${relayPid} in /proc`;
    const notMeasured = name === null ? [{ what: "the relay's process", why }] : [];
    return { pids, describe, proxy: proxy ?? null, notMeasured };
  }
  const found = owners.flatMap(({ owner, port }) =>
    owner.status === "found" ? [{ ...owner, port }] : [],
  );
  return {
    pids: found.flatMap(({ pids }) => pids),
    describe:
      found.length === 0
        ? null
        : found.map(({ name, port }) => `${name}, owner of port ${port}`).join("; "),
    proxy: proxy ?? null,
    notMeasured: owners.flatMap(({ what, owner }): NotMeasured[] => {
      if (owner.status === "found") return [];
      if (owner.status === "unknown") return [{ what, why: owner.why }];
      return [{ what, why: `\`${owner.name}\` holds the port for it; give --relay-pid` }];
    }),
  };
}

async function ownersOf(admissions: readonly Admission[]) {
  const owners: { readonly what: string; readonly port: number; readonly owner: PortOwner }[] = [];
  for (const { url, addresses } of admissions) {
    const what = `the process of ${url.label}`;
    const owner: PortOwner = addresses.every(isLoopback)
      ? await firstOwner(addresses, url.port)
      : { status: "unknown", why: "it is not on this machine" };
    owners.push({ what, port: url.port, owner });
  }
  return owners;
}

/** A name may have several addresses, and its relay listen at one of them. */
async function firstOwner(addresses: Admission["addresses"], port: number): Promise<PortOwner> {
  let owner = await findPortOwner(addresses[0], port);
  for (const address of addresses.slice(1)) {
    if (owner.status !== "unknown") return owner;
    owner = await findPortOwner(address, port);
  }
  return owner;
}

function isLoopback(text: string): boolean {
  const address = parseAddress(text);
  return address !== undefined && classifyAddress(address).kind === "loopback";
}

/** Processes in seconds of the window, the earliest first. */
export function relateSpans(
  spans: readonly WatchedSpan[],
  windowStartUnixMs: number | null,
): NonNullable<Resources["relayProcesses"]> {
  const startMs = windowStartUnixMs;
  const sec = (ms: number) => (startMs === null ? null : Math.round((ms - startMs) / 100) / 10);
  return spans.map(({ pid, fromMs, untilMs }) => {
    const fromSec = sec(fromMs);
    return {
      pid,
      fromSec: fromSec !== null && fromSec > 0 ? fromSec : null,
      untilSec: untilMs === null ? null : sec(untilMs),
    };
  });
}

/** From an end to the next beginning the relay's figures are those of no process, or of the others alone. */
export function describeEnds(
  spans: readonly WatchedSpan[],
  windowStartUnixMs: number | null,
  wasGiven: boolean,
): readonly NotMeasured[] {
  const related = relateSpans(spans, windowStartUnixMs);
  return spans.flatMap(({ pid, untilMs }, i): NotMeasured[] => {
    if (untilMs === null) return [];
    const next = spans.findIndex(({ fromMs }) => fromMs >= untilMs);
    const from = related[i]?.untilSec ?? null;
    const until = related[next]?.fromSec ?? null;
    const when =
      from === null
        ? ""
        : until === null
          ? ` from ${from.toFixed(1)} s on`
          : ` from ${from.toFixed(1)} to ${until.toFixed(1)} s`;
    const then =
      next !== -1
        ? `, ${spans[next]?.pid} took its place`
        : wasGiven
          ? "; without --relay-pid the one that takes its place is looked for"
          : "";
    return [{ what: `the relay's process${when}`, why: `process ${pid} ended${then}` }];
  });
}
