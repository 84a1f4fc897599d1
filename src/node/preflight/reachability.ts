/** Why a relay can't be connected to, and what to do about it. Pure. */
import { type Finding, stop } from "./finding.ts";

export function judgeTurnedAway(label: string, how: string): Finding {
  return stop("reachable", {
    what: `\`${label}\` ends connections as soon as they are open, ${how}`,
    why: "there would be nothing to measure",
    remedy: "look at its log and at its limits on connections and addresses",
  });
}

const CERTIFICATE = /CERT|SELF_SIGNED|UNABLE_TO_|ERR_TLS|ISSUER|SIGNATURE/;

/** It was there, and ended the connection at an event. */
export function judgeGone(label: string, reason: string): Finding {
  return stop("reachable", {
    what: `\`${label}\` can't be reached any more behind that event: ${reason}`,
    why: "it ended with the event, or lets nobody in for a while",
    remedy: "look at its log, and start it again",
  });
}

export function judgeUnreached(label: string, reason: string): Finding {
  const why = "there would be nothing to measure";
  if (CERTIFICATE.test(reason)) {
    return stop("certificate", {
      what: `the certificate of \`${label}\` can't be trusted: ${describeCertificate(reason)} (${reason})`,
      why,
      remedy:
        "give the certificate of its authority, or its own where it is self-signed: --ca FILE (PEM); it must be valid for the host of --relay",
    });
  }
  const what = `\`${label}\` can't be reached: ${reason}`;
  const status = Number(/HTTP status (\d{3})/.exec(reason)?.[1]);
  if (status > 0) return stop("reachable", { what, why, remedy: remedyForStatus(status) });
  if (reason === "EPROTO" || reason === "ERR_SSL_WRONG_VERSION_NUMBER") {
    return stop("reachable", { what, why, remedy: "it speaks no TLS at this port: use ws://" });
  }
  return stop("reachable", {
    what,
    why,
    remedy: "start the relay, check its port; `npx k6-nostr relay` starts one to try things out",
  });
}

function describeCertificate(code: string): string {
  if (/ALTNAME/.test(code)) return "it is for another host";
  if (/EXPIRED/.test(code)) return "it has expired";
  if (/NOT_YET/.test(code)) return "it is not valid yet";
  return /SELF_SIGNED/.test(code) ? "it is self-signed" : "nobody known here signed it";
}

function remedyForStatus(status: number): string {
  if (status === 401 || status === 403) {
    return "what stands before the relay wants credentials or a header: --header 'NAME: VALUE'";
  }
  if (status === 404 || status === 400 || status === 426)
    return "check the path of --relay and what listens at its port";
  if (status === 429) return "it limits connections: raise the limit for this address, or wait";
  if (status >= 300 && status < 400)
    return "it redirects, which is not followed: give --relay the URL it leads to";
  if (status >= 500)
    return "the relay behind what answers here is down or overloaded: look at its log";
  return "see what listens at the port: it opens no WebSocket";
}
