/** A run of the kit against a real relay, as a person would start it. */
import assert from "node:assert/strict";
import type { Report } from "../../src/report/types.ts";
import { assertBalanced } from "../faulty-relay/hold.ts";
import type { Place } from "../k6/cli.ts";
import { connectionsTo } from "./connections.ts";
import type { Counts, RealRelay, RunningRelay } from "./relay.ts";

const CLIENTS = 10;

interface Ran {
  readonly report: Report;
  /** What the relay holds more than before, by its own word. */
  readonly more: Counts;
}

/** A relay that runs, and a folder to run the kit in. */
export class Tried {
  readonly running: RunningRelay;
  readonly #relay: RealRelay;
  readonly #place: Place;

  constructor(relay: RealRelay, running: RunningRelay, place: Place) {
    this.#relay = relay;
    this.running = running;
    this.#place = place;
  }

  /** `amid` is called two seconds after all clients are connected. */
  async run(
    scenario: string,
    flags: Readonly<Record<string, string | number>>,
    amid?: () => Promise<void>,
  ): Promise<Ran> {
    const before = await this.#relay.count(this.running.place);
    const words = wordsOf({
      relay: this.running.url,
      clients: CLIENTS,
      rate: this.#relay.easyEps,
      "ack-timeout": 3_000,
      "report-dir": "reports",
      ...flags,
    });
    const { ended } = this.#place.start(["run", scenario, "--audit", "--no-calibrate", ...words]);
    if (amid !== undefined) {
      const isOver = ended.then(() => true);
      const isAmid = async () => (await connectionsTo(this.running.place.port)) >= CLIENTS;
      while (!(await isAmid())) {
        if (await Promise.race([isOver, pause(50)])) break;
      }
      await pause(2_000);
      await amid();
    }
    return this.#read(ended, before);
  }

  /** Connections, or subscriptions, at a gentle rate; nothing is audited. */
  async clients(
    scenario: "connect" | "fanout",
    flags: Readonly<Record<string, string | number>>,
  ): Promise<Report> {
    const before = await this.#relay.count(this.running.place);
    const words = wordsOf({
      relay: this.running.url,
      ...(scenario === "fanout" ? this.#metrics() : {}),
      "ack-timeout": 3_000,
      "report-dir": "reports",
      ...flags,
    });
    const { ended } = this.#place.start(["run", scenario, "--no-calibrate", ...words]);
    return (await this.#read(ended, before)).report;
  }

  /** The scenario that publishes nothing but what it asks about. */
  async query(flags: Readonly<Record<string, string | number>>): Promise<Ran> {
    const before = await this.#relay.count(this.running.place);
    const words = wordsOf({
      relay: this.running.url,
      clients: CLIENTS,
      ...this.#metrics(),
      "query-rate": 20,
      "ack-timeout": 3_000,
      "report-dir": "reports",
      ...flags,
    });
    const { ended } = this.#place.start(["run", "query", "--no-calibrate", ...words]);
    return this.#read(ended, before);
  }

  /** It shows its counters. */
  get isCounting(): boolean {
    return this.#relay.metricsPath !== undefined;
  }

  #metrics(): Readonly<Record<string, string>> {
    const { metricsPath } = this.#relay;
    const { port } = this.running.place;
    return metricsPath === undefined
      ? {}
      : { "relay-metrics": `http://127.0.0.1:${port}${metricsPath}` };
  }

  async #read(ended: ReturnType<Place["start"]>["ended"], before: Counts): Promise<Ran> {
    const { exitCode, stdout, stderr } = await ended;
    const said = `exit code ${exitCode}\n${stdout}\n${stderr}`;
    const report = await this.#place.reports().then(
      (reports) => reports.at(-1),
      (cause) => assert.fail(`no report (${cause}), ${said}`),
    );
    assert.ok(report, said);
    assertBalanced(report);
    const after = await this.#relay.count(this.running.place);
    return { report, more: differenceOf(before, after) };
  }
}

function wordsOf(flags: Readonly<Record<string, string | number>>): readonly string[] {
  return Object.entries(flags).flatMap(([name, value]) => [`--${name}`, String(value)]);
}

function differenceOf(before: Counts, after: Counts): Counts {
  const kinds = [...new Set([...before.keys(), ...after.keys()])];
  return new Map(kinds.map((kind) => [kind, (after.get(kind) ?? 0) - (before.get(kind) ?? 0)]));
}

export async function pause(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}
