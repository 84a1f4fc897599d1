/** Handshakes that waited for a timer of the kernel: the queue of connections that wait to be accepted was full. */
import { formatCount } from "../format.ts";
import { synRetriesOf } from "../syn-retries.ts";
import { evidence, type Rule, shareOf } from "./rule.ts";

export const acceptQueue: Rule = {
  id: "accept-queue",
  of: ["connection"],
  explains: ["slow-handshake", "slow-recovery"],
  find({ report, relayCpu, relayThread }) {
    const { connect } = report.classes.connection.times;
    const retries = synRetriesOf(connect.histogram);
    const kernel = report.resources?.kernel ?? null;
    const overflows = kernel?.ofRelay ? kernel.listenOverflows : null;
    // Where the relay's kernel was looked at and none met a full queue, SYNs were lost elsewhere.
    if (retries.length === 0 || overflows === 0) return null;
    const late = retries.reduce((sum, { count }) => sum + count, 0);
    const seconds = retries.map(({ afterSec }) => afterSec).join(", ");
    return {
      severity: shareOf(late, report) >= 0.01 ? "major" : "minor",
      confidence: overflows === null ? "medium" : "high",
      title: `The relay's queue of new connections was full: ${formatCount(late)} of ${formatCount(connect.count)} handshakes waited ${seconds} s for the kernel to try again`,
      evidence: [
        evidence("handshakes shortly behind a whole second", late, connect.count),
        evidence("resources.kernel.listenOverflows", overflows, 0),
        evidence("resources.kernel.synRetransmits", kernel?.synRetransmits ?? null, 0),
      ],
      counterEvidence: [
        evidence(
          "connection.times.connect.p50",
          connect.p50,
          "1,000 and more if it is most of them",
        ),
        evidence("relay.cpuPercent", relayCpu, 80),
        evidence("relay.busiestThreadPercent", relayThread, "near 100 if it had no time to accept"),
      ],
      remediation:
        "Accept connections on a thread that does nothing else, and give `listen` a longer backlog: the kernel takes the lesser of it and `net.core.somaxconn`, and for half-open ones `net.ipv4.tcp_max_syn_backlog`. What waits there costs a client whole seconds, however fast the relay is.",
      labels: ["connections", "configuration", "kernel"],
      cost: (late / Math.max(1, connect.count)) * 1_000,
    };
  },
};
