/**
 * Repeated runs of one plan, kept as a set. Each repetition that publishes has a seed of its own, derived from the
 * plan's: the same events again would be duplicates to the relay. Those that ask have the same. Against a second relay both get the
 * same events, in an order that is reversed from one repetition to the next (A B, B A, …), so that
 * what drifts on the machine burdens both alike.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { join, relative, resolve } from "node:path";
import { ConfigError } from "../../errors.ts";
import type { Report } from "../../report/types.ts";
import { SET_SCHEMA, type SetFile } from "../load-sets.ts";

/** One run as `--repeat` needs it; `stop` ends the repetitions, as after an interruption. */
export interface Repetition {
  readonly report: Report;
  readonly code: number;
  readonly stop: boolean;
}

export interface RepeatRequest {
  readonly times: number;
  readonly seed: string;
  /** All repetitions have the same seed, and so ask the same. */
  readonly isSeedKept?: boolean;
  readonly reportDir: string;
  /** One relay's URL text, or two to be run in turn. */
  readonly relays: readonly string[];
  readonly runOnce: (relay: string, seed: string, label: string) => Promise<Repetition>;
  /** Ends the repetitions between two runs as well. */
  readonly signal?: AbortSignal;
}

export interface Repeated {
  readonly codes: readonly number[];
  /** One file a relay, in the order of `relays`; only of those with a run. */
  readonly files: readonly string[];
  readonly stopped: boolean;
  /** What a run threw, after which there were no more; the runs before it are in the files. */
  readonly failure: unknown;
}

const MOST_REPETITIONS = 100;

/** The seed of a repetition, from 1. */
export function seedOf(seed: string, repetition: number): string {
  return `${seed}-${repetition}`;
}

/** The relays' places in one repetition, from 0: reversed in every other. */
export function orderOf(relays: number, repetition: number): readonly number[] {
  const order = Array.from({ length: relays }, (_, i) => i);
  return repetition % 2 === 0 ? order.reverse() : order;
}

export async function repeatRuns(request: RepeatRequest): Promise<Repeated> {
  const reports: Report[][] = request.relays.map(() => []);
  const codes: number[] = [];
  let failure: unknown;
  try {
    for (const { place, seed, label } of turnsOf(request)) {
      if (request.signal?.aborted) break;
      const done = await request.runOnce(request.relays[place] ?? "", seed, label);
      codes.push(done.code);
      reports[place]?.push(done.report);
      if (done.stop) {
        return { codes, files: await writeSets(request, reports), stopped: true, failure };
      }
    }
  } catch (cause) {
    failure = cause;
  }
  const files = await writeSets(request, reports);
  return { codes, files, stopped: request.signal?.aborted === true, failure };
}

/** Which relay is loaded when: the order is reversed in every other repetition. */
function turnsOf({ times, seed, isSeedKept = false, relays }: RepeatRequest) {
  return Array.from({ length: times }, (_, i) =>
    orderOf(relays.length, i + 1).map((place) => ({
      place,
      seed: isSeedKept ? seed : seedOf(seed, i + 1),
      label: `repetition ${i + 1} of ${times}${relays.length > 1 ? `, relay ${place + 1}` : ""}`,
    })),
  ).flat();
}

async function writeSets(
  { reportDir, seed }: RepeatRequest,
  sets: readonly (readonly Report[])[],
): Promise<readonly string[]> {
  const first = sets.flat()[0];
  if (first === undefined) return [];
  const dir = resolve(reportDir, "sets", first.run.id);
  await mkdir(dir, { recursive: true });
  const names = sets.length === 1 ? ["set.json"] : ["base.json", "new.json"];
  const files: string[] = [];
  for (const [i, reports] of sets.entries()) {
    if (reports.length === 0) continue;
    const set: SetFile = {
      schema: SET_SCHEMA,
      id: first.run.id,
      label: reports[0]?.config.relays.join(", ") ?? "",
      seed,
      reports: reports.map(({ run }) =>
        relative(dir, resolve(reportDir, "runs", run.id, "report.json")),
      ),
    };
    const file = join(dir, names[i] ?? `${i}.json`);
    await writeFile(file, `${JSON.stringify(set, null, 2)}\n`);
    files.push(file);
  }
  return files;
}

export function readTimes(text: string | undefined): number {
  if (text === undefined) return 1;
  const times = /^\d{1,3}$/.test(text) ? Number(text) : 0;
  if (times >= 1 && times <= MOST_REPETITIONS) return times;
  throw new ConfigError(
    `--repeat must be a whole number from 1 to ${MOST_REPETITIONS}, got \`${text.slice(0, 60)}\``,
  );
}
