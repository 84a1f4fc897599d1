/** What many connections cost while events are published over them: processor, lateness, and a large pool's memory. */
import { atMost, notes } from "./goal.ts";
import { median, type Rig, runK6 } from "./k6-run.ts";
import { MANY_EVENTS, withLookAlikes } from "./look-alikes.ts";
import { megabytes, type Print } from "./row.ts";

const RATE = 2_000;
/** p99 of schedule lag with so many connections, once they are open. */
const MANY_CLIENTS = 10_000;
const LAG_P99_MS = 5;
const FEW_EVENTS = 2_000;
/** Each takes half a minute. */
const MOST_REPETITIONS = 3;

export async function benchConnections(
  rig: Rig,
  { clients, repetitions }: { readonly clients: number; readonly repetitions: number },
  print: Print,
): Promise<void> {
  const large = await withLookAlikes(rig, MANY_EVENTS);
  const lags: number[] = [];
  const cpu: number[] = [];
  const opened: number[] = [];
  for (let i = 0; i < Math.min(repetitions, MOST_REPETITIONS); i++) {
    const load = { clients, rate: RATE, seconds: 10, maxInFlight: 16 };
    const { cpuMicros, report } = await runK6(large, load);
    cpu.push(cpuMicros);
    lags.push(report.generator.scheduleLag.p99 ?? Number.NaN);
    opened.push(report.classes.connection.totals.opened);
  }
  const lagMs = median(lags);
  print(
    `${clients} connections at ${RATE} events/s`,
    `lag p99 ${lagMs.toFixed(2)} ms once they are open`,
    notes(
      ...(clients === MANY_CLIENTS ? [atMost(lagMs, LAG_P99_MS, "ms")] : []),
      `${lags.length} runs: ${lags.map((ms) => ms.toFixed(1)).join(", ")}`,
      `${median(cpu).toFixed(1)} µs of CPU an event, opening them included`,
      `${Math.min(...opened)} opened`,
    ),
  );
}

/** Connections over an empty run, and a large pool over a small one. */
export async function benchMemory(rig: Rig, clients: number, print: Print): Promise<void> {
  const large = await withLookAlikes(rig, MANY_EVENTS);
  const small = await withLookAlikes(rig, FEW_EVENTS);
  const load = { rate: 100, seconds: 5, maxInFlight: 16 };
  const empty = (await runK6(small, { ...load, clients: 1 })).rssBytes;
  const without = await runK6(small, { ...load, clients });
  const { opened } = without.report.classes.connection.totals;
  const each = (without.rssBytes - empty) / clients / 1e6;
  print(
    `memory, ${clients} connections that publish`,
    megabytes(without.rssBytes),
    notes(
      `${each.toFixed(3)} MB each over an empty run of ${megabytes(empty)}`,
      atMost(each, 0.1, "MB"),
      `${opened} opened`,
    ),
  );
  const { rssBytes, report } = await runK6(large, { ...load, clients });
  const { bytes } = report.config.pool;
  const times = (rssBytes - without.rssBytes) / bytes;
  print(
    `memory, the same with a pool of ${megabytes(bytes)}`,
    megabytes(rssBytes),
    notes(`${times.toFixed(2)} × its bytes`, atMost(times, 2)),
  );
}
