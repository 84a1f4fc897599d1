/** `calibration.json` in the cache folder: the figures of each generator, the newest for each. */
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { type Calibration, type GeneratorIdentity, isSameGenerator } from "./figures.ts";

export const CALIBRATION_FILE = "calibration.json";
const SCHEMA = "k6-nostr/calibration@1";
/** A cache folder in a shared home may serve many machines; the oldest go first. */
const MOST_KEPT = 50;

/** The figures kept for a generator; `null` without any, also when the file is damaged. */
export async function readKept(
  path: string,
  generator: GeneratorIdentity,
): Promise<Calibration | null> {
  const kept = await readAll(path);
  return kept.find((one) => isSameGenerator(one.generator, generator)) ?? null;
}

/** Keeps figures in place of those of the same generator. Gives why not, where they can't be kept. */
export async function keep(path: string, calibration: Calibration): Promise<string | null> {
  const others = (await readAll(path)).filter(
    (one) => !isSameGenerator(one.generator, calibration.generator),
  );
  const kept = [calibration, ...others].slice(0, MOST_KEPT);
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(temporary, `${JSON.stringify({ schema: SCHEMA, kept }, null, 2)}\n`);
    await rename(temporary, path);
    return null;
  } catch (error) {
    // The figures hold without being kept: they are measured again the next time.
    return (error as NodeJS.ErrnoException).code ?? String(error);
  }
}

async function readAll(path: string): Promise<readonly Calibration[]> {
  try {
    const file: unknown = JSON.parse(await readFile(path, "utf8"));
    if (!isRecord(file) || file.schema !== SCHEMA || !Array.isArray(file.kept)) return [];
    return file.kept.filter(isCalibration);
  } catch {
    // Not there, not readable or not JSON: as good as not measured.
    return [];
  }
}

/** What a run relies on is checked; the rest is for show. */
function isCalibration(value: unknown): value is Calibration {
  if (!isRecord(value)) return false;
  const { generator, ceiling, receive = null, floorMs, floors, connections } = value;
  return (
    isRecord(generator) &&
    isPositive(floorMs) &&
    (ceiling !== null || receive !== null) &&
    (ceiling === null || isCeiling(ceiling)) &&
    (receive === null || isReceiveCeiling(receive)) &&
    Array.isArray(floors) &&
    Array.isArray(connections) &&
    isMeasurement(value)
  );
}

function isCeiling(value: unknown): boolean {
  return (
    isRecord(value) &&
    isPositive(value.heldEps) &&
    isPositive(value.clients) &&
    (value.failedEps === null || isPositive(value.failedEps))
  );
}

function isReceiveCeiling(value: unknown): boolean {
  return (
    isRecord(value) &&
    isPositive(value.heldRowsPerSec) &&
    isPositive(value.heldBytesPerSec) &&
    isPositive(value.rowsAnAnswer) &&
    isPositive(value.clients) &&
    (value.failedRowsPerSec === null || isPositive(value.failedRowsPerSec)) &&
    isMeasurement(value)
  );
}

function isMeasurement({ form, measuredAt }: Readonly<Record<string, unknown>>): boolean {
  return (
    (form === "full" || form === "quick") &&
    typeof measuredAt === "string" &&
    !Number.isNaN(Date.parse(measuredAt))
  );
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isPositive(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value) && value > 0;
}
