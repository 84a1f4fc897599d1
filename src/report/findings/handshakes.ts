/** Handshakes that were refused, by the HTTP status that the CLI saw when it asked by itself; or by nobody. */
import { counted } from "../format.ts";
import type { Report } from "../types.ts";
import { heldConnections, holderOf, isOwnLimit } from "./held.ts";
import { leadOf } from "./lead.ts";
import {
  countErrors,
  type Draft,
  errorEvidence,
  evidence,
  failureCost,
  type Rule,
  shareOf,
} from "./rule.ts";
import type { RunView } from "./view.ts";

interface Refusal {
  readonly status: number;
  readonly text: string;
  readonly count: number;
}

/** The status that most of the CLI's own handshakes got; `null` where none was refused by HTTP. */
export function mostRefusals({ handshakes }: Report): Refusal | null {
  const refusals = (handshakes?.answers ?? []).flatMap(({ status, text, count }): Refusal[] =>
    status === null || status === 101 ? [] : [{ status, text, count }],
  );
  return refusals.sort((a, b) => b.count - a.count)[0] ?? null;
}

const SYMPTOMS = [
  "dropped-connections",
  "connection-limit",
  "overload",
  "queueing",
  "tail",
  "slow-handshake",
];

export const addressLimit: Rule = {
  id: "address-limit",
  of: ["connection"],
  explains: SYMPTOMS,
  ofNoData: true,
  find(view) {
    const refusal = mostRefusals(view.report);
    if (refusal?.status !== 429) return null;
    const held = heldConnections(view.window);
    const { clients, clientIpHeader } = view.report.config;
    const isCap = held !== null && held > 0 && held < clients;
    return draft(view, refusal, {
      title: isCap
        ? `${holderOf(view.report)} holds ${counted(held, "connection")} of ${clients} from one address: it answers 429 to the rest`
        : "The relay answers handshakes with 429: too many from one address",
      remediation: `All connections come from one address. Exempt it from the limit, or raise the limit, for the test; ${
        clientIpHeader
          ? `\`${clientIpHeader}\` told the relay an address for each connection: let it trust that header.`
          : "where the relay takes a client's address from a header, `--client-ip-header X-Real-IP` gives each connection its own."
      } If the limit is meant, this is what all clients behind one address have together.`,
      labels: ["configuration", "connections", "rate-limit"],
    });
  },
};

export const handshakeRefused: Rule = {
  id: "handshake-refused",
  of: ["connection"],
  explains: SYMPTOMS,
  ofNoData: true,
  find(view) {
    const refusal = mostRefusals(view.report);
    if (refusal === null || refusal.status === 429) return null;
    if (!isFamily(refusal, 4) && !isFamily(refusal, 2)) return null;
    // Where some are held with the same path and headers, it is a limit.
    if ((heldConnections(view.window) ?? 0) > 0) return null;
    const { title, remediation } = wordsFor(refusal.status);
    return draft(view, refusal, { title, remediation, labels: ["configuration", "connections"] });
  },
};

export const proxyWithoutRelay: Rule = {
  id: "proxy-without-relay",
  of: ["connection"],
  explains: SYMPTOMS,
  ofNoData: true,
  find(view) {
    const refusal = mostRefusals(view.report);
    if (refusal === null || !isFamily(refusal, 5)) return null;
    const isGateway = refusal.status === 502 || refusal.status === 504;
    if (!isGateway && (heldConnections(view.window) ?? 0) > 0) return null;
    return draft(view, refusal, {
      title: isGateway
        ? `The proxy finds no relay behind it: it answers handshakes with ${refusal.status}`
        : `Handshakes are answered with ${refusal.status}: by the relay, or by a proxy that has none behind it`,
      remediation: isGateway
        ? "See that the relay runs and listens where the proxy looks for it, and how many connections the proxy may open to it; its error log says what each of these handshakes met."
        : "See the logs of proxy and relay at this time: 503 is what proxies say of a relay that is down or has too many connections, 500 a fault while the handshake is handled.",
      labels: ["configuration", "connections", "proxy"],
    });
  },
};

export const redirected: Rule = {
  id: "redirected",
  of: ["connection"],
  explains: SYMPTOMS,
  ofNoData: true,
  find(view) {
    const refusal = mostRefusals(view.report);
    if (refusal === null || !isFamily(refusal, 3)) return null;
    return draft(view, refusal, {
      title: `The handshake is redirected (${refusal.status})${refusal.text === "" ? "" : `: ${refusal.text}`}`,
      remediation:
        "Give the URL that it leads to as --relay. Redirects are never followed: they would lead to a host that nobody judged.",
      labels: ["configuration", "connections"],
    });
  },
};

export const unreachable: Rule = {
  id: "unreachable",
  of: ["connection"],
  explains: ["dropped-connections", "connection-limit"],
  ofNoData: true,
  find(view) {
    const { report, window } = view;
    const { opened, failed, dropped, due: attempted } = report.classes.connection.totals;
    if (failed === 0 || window.some((point) => point.connectionsOpen > 0)) return null;
    const own = countErrors(
      report,
      (name, code) => isOwnLimit(name, code) || isOwnName(name, code),
    );
    if (mostRefusals(report) !== null || own * 2 > failed) return null;
    return {
      severity: "critical",
      confidence: "high",
      title:
        opened === 0
          ? `The relay could not be reached: none of ${counted(attempted, "handshake")} led to a connection`
          : `The relay was gone before the window began: it had opened ${counted(opened, "connection")}`,
      evidence: [
        evidence("connection.totals.opened", opened, report.config.clients),
        evidence("connection.totals.failed", failed, 0),
        evidence("connection.totals.dropped", dropped, 0),
        ...errorEvidence(report, (name) => name === "connect" || name === "close"),
      ],
      counterEvidence: [
        evidence("errors.connect/files", countErrors(report, isOwnLimit), "own open files: 0"),
      ],
      remediation:
        "See whether the relay's process is there and what it wrote last: it may have ended under the first connections, for want of open files (`ulimit -n`, strfry's `nofiles`) or inotify watches. `refused` is a port where nobody listens, `reset` a proxy or a relay that takes connections and gives up on them.",
      labels: ["reliability", "crash"],
      cost: failureCost(leadOf(report).noConnection + leadOf(report).lost, report),
    };
  },
};

function isOwnName(name: string, code: string): boolean {
  return name === "connect" && (code === "guard" || code === "dns");
}

function isFamily({ status }: Refusal, hundreds: number): boolean {
  return Math.floor(status / 100) === hundreds;
}

function wordsFor(status: number): { readonly title: string; readonly remediation: string } {
  if (status === 401 || status === 407) {
    return {
      title: `The handshake needs authorisation: it is answered with ${status}`,
      remediation:
        "Give what the proxy asks for: `--header 'Authorization: Basic …'` (base64 of user:password) or the header that it knows. Nostr's own AUTH (NIP-42) comes behind the handshake.",
    };
  }
  if (status === 403) {
    return {
      title: "The handshake is forbidden: it is answered with 403",
      remediation:
        "See by what the relay or its proxy judges: an `Origin` that it wants (`--header 'Origin: https://…'`), an address list, a firewall for bots, or another path.",
    };
  }
  if (status < 300) {
    return {
      title: `There is no relay at this path: the handshake is answered with ${status}, as for a web page`,
      remediation:
        "Give --relay with the path that the relay listens on; behind a proxy, see that it passes on the headers `Upgrade` and `Connection`.",
    };
  }
  if (status === 404 || status === 410) {
    return {
      title: `There is no relay at this path: the handshake is answered with ${status}`,
      remediation:
        "Give --relay with the path that the relay listens on, which may differ from its web page's; behind a proxy, see that it passes this path on.",
    };
  }
  return {
    title: `The handshake is refused: it is answered with ${status}`,
    remediation:
      "See that the proxy passes on the headers `Upgrade` and `Connection` (400 and 426 are what relays say without them), and that the path is a relay's.",
  };
}

function draft(
  { report, window }: RunView,
  refusal: Refusal,
  words: Pick<Draft, "title" | "remediation" | "labels">,
): Draft {
  const { totals: connections } = report.classes.connection;
  const { lost, noConnection } = leadOf(report);
  const affected = noConnection + lost;
  const { asked = 0, answers = [] } = report.handshakes ?? {};
  return {
    ...words,
    severity: shareOf(affected, report) >= 0.5 ? "critical" : "major",
    confidence: "high",
    evidence: [
      evidence(`handshakes.answers ${refusal.status}`, refusal.count, refusal.text || null),
      ...errorEvidence(report, (name, code) => name === "connect" && code === "handshake"),
      evidence("connections held", heldConnections(window), report.config.clients),
    ],
    counterEvidence: [
      evidence("handshakes.asked", asked, `${answers.length} kinds of answers`),
      evidence("connection.totals.opened", connections.opened, report.config.clients),
    ],
    cost: failureCost(affected, report) + lacking(report, window),
  };
}

/** Connections that are not there cost something, though no event was due on them. */
function lacking({ config }: Report, window: RunView["window"]): number {
  return (1 - Math.min(1, (heldConnections(window) ?? 0) / config.clients)) * 100;
}
