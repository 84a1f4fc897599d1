/** Asks one admitted relay what a run needs to know: is it there, what does it announce, does it take events. */
import type { Admission } from "../guard/gate.ts";
import { type Finding, stop } from "./finding.ts";
import { fetchInformation, type Information } from "./information.ts";
import { describeSoftware, isTooOld } from "./limits.ts";
import { probeRelay, reachRelay } from "./probe.ts";
import { judgeProbes } from "./probe-verdict.ts";
import type { Sample } from "./sample.ts";

export interface RelayQuestion {
  readonly admission: Admission;
  /** Events like the run's. */
  readonly sample: Sample;
  readonly nowSec: number;
  readonly runSec: number;
}

export interface RelayAnswer {
  /** With the address that answers as its first: the one to be used from here on. */
  readonly admission: Admission;
  readonly information: Information;
  readonly isReached: boolean;
  readonly findings: readonly Finding[];
  /** It refuses events as old as the sample's, by its document or by its answer to a probe. */
  readonly refusesAge: boolean;
  readonly takesEvents: boolean | null;
  /** Probes that it may hold now, by kind. */
  readonly left: ReadonlyMap<number, number>;
}

const NOTHING_ASKED: Information = {
  limitation: null,
  software: null,
  version: null,
  counts: false,
  problem: "it was not asked",
  clockSkewMs: null,
};

/**
 * Connects, fetches the information document, and publishes the sample's probes, whatever the document says: most
 * limits are announced nowhere. Events that the document calls too old are not tried.
 */
export async function askRelay(question: RelayQuestion): Promise<RelayAnswer> {
  const { admission, sample, nowSec } = question;
  const reached = await reachRelay(admission);
  if ("status" in reached) {
    return {
      admission,
      information: NOTHING_ASKED,
      isReached: false,
      findings: [explainUnreached(admission.url.label, reached.reason)],
      refusesAge: false,
      takesEvents: null,
      left: new Map(),
    };
  }
  const pinned = pin(admission, reached.address);
  const information = await fetchInformation(pinned);
  const isOld = isTooOld(sample.createdAt.min, { ...question, information, kinds: sample.kinds });
  const probe = await probeRelay(pinned, reached, isOld ? [] : sample.probes);
  const outcome = judgeProbes(admission.url.label, probe, nowSec);
  const { findings, takesEvents, left } = outcome;
  const refusesAge = isOld || outcome.isTooOld;
  return {
    admission: pinned,
    information,
    isReached: true,
    findings,
    refusesAge,
    takesEvents,
    left,
  };
}

function pin(admission: Admission, address: string): Admission {
  const others = admission.addresses.filter((other) => other !== address);
  return { ...admission, addresses: [address, ...others] };
}

function explainUnreached(label: string, reason: string): Finding {
  return stop("reachable", {
    what: `\`${label}\` can't be reached: ${reason}`,
    why: "there would be nothing to measure",
    remedy: remedyFor(reason),
  });
}

function remedyFor(reason: string): string {
  const status = Number(/HTTP status (\d{3})/.exec(reason)?.[1]);
  if (/CERT|SELF_SIGNED|UNABLE_TO_(GET_ISSUER|VERIFY)|ALTNAME/.test(reason)) {
    return /ALTNAME/.test(reason)
      ? "the certificate is for another name: give the relay's URL with the name in it"
      : "the certificate is signed by nobody that this machine knows: give its authority's certificate with --ca FILE";
  }
  if (/EPROTO|WRONG_VERSION/.test(reason))
    return "it speaks no TLS there: try ws:// in place of wss://";
  if (status === 401 || status === 403) {
    return "the handshake needs a header, or is not for everybody: see --header, and the relay's or its proxy's access rules";
  }
  if (status === 404 || status === 400 || status === 405 || status === 426 || status === 200) {
    return "there is a server, and no relay at this path: check the URL's port and path, and that a proxy passes the upgrade on";
  }
  if (status === 429)
    return "the relay limits connections from one address: raise that limit, or wait";
  if (status >= 500)
    return "a proxy without a relay behind it, or a relay in trouble: look at their logs";
  if (status >= 300 && status < 400)
    return "it redirects, which is not followed: give the URL that it leads to";
  return "start the relay, check its port; `npx k6-nostr relay` starts one to try things out";
}

/** A line for each relay that says who it is, and one for what preflight left in it. */
export function describeRelays(answers: readonly RelayAnswer[]): readonly string[] {
  return answers.flatMap(({ admission: { url, addresses }, information, left }) => {
    const software = describeSoftware(information);
    const where = url.host === addresses[0] ? "" : ` at ${addresses[0]}`;
    const kinds = [...left.keys()].sort((a, b) => a - b);
    const count = [...left.values()].reduce((sum, n) => sum + n, 0);
    return [
      ...(software === null && where === ""
        ? []
        : [`${url.label}${where}: ${software ?? "software not announced"}`]),
      ...(count === 0
        ? []
        : [
            `${url.label} may now hold ${count} probe event${count === 1 ? "" : "s"} of kind${kinds.length === 1 ? "" : "s"} ${kinds.join(", ")}; they count among no figures`,
          ]),
    ];
  });
}
