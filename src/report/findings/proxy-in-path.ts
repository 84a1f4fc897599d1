/** A proxy before the relay takes so much of a core that it may be what is measured. */
import { proxyOf } from "../port-proxy.ts";
import { evidence, type Rule } from "./rule.ts";

const LEAST_CPU = 50;
/** From here on it is near what one of its threads can do. */
const HIGH_CPU = 80;

export const proxyInPath: Rule = {
  id: "proxy-in-path",
  of: ["connection"],
  explains: ["overload", "tail", "queueing", "slow-handshake", "latency-drift", "slow-start"],
  find(view) {
    const proxy = proxyOf(view.report);
    const cpu = proxy?.cpuPercent ?? null;
    if (proxy === null || cpu === null || cpu < LEAST_CPU) return null;
    const isFirst = cpu >= HIGH_CPU && cpu > (view.relayCpu ?? 0);
    return {
      severity: isFirst ? "major" : "minor",
      // Of a relay that does more it is no more than company.
      confidence: isFirst ? (view.relayCpu === null ? "medium" : "high") : "low",
      title: `The proxy before the relay (${proxy.name}) takes ${cpu.toFixed(0)} % of a core`,
      evidence: [
        evidence("proxy.cpuPercent", cpu, HIGH_CPU),
        evidence("connection.totals.opened", view.report.classes.connection.totals.opened),
      ],
      counterEvidence: [
        evidence("relay.cpuPercent", view.relayCpu, "above it if the relay is the limit"),
        evidence("host.cpuPercent", view.hostCpu, 100),
      ],
      remediation:
        'Load the relay itself, past the proxy: of a container by its own address or with `--network host`, else at the port that it listens on; or switch Docker\'s userland proxy off (`"userland-proxy": false`). Then with the proxy, if that is how it will run.',
      labels: ["environment", "proxy"],
      cost: isFirst ? cpu : 1,
    };
  },
};
