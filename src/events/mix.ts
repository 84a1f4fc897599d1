/** The mix: which event types a run sends, in which proportion. A weight counts sets, not events. */
import { ConfigError } from "../errors.ts";
import type { Random } from "../random.ts";
import { eventTypes, findEventType } from "./registry.ts";

/** Type → weight, names in alphabetical order. */
export type Mix = Readonly<Record<string, number>>;

const NUMBER = /^(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/**
 * Reads `view:0.9,video:0.1`. Weights are relative: they need not add up to 1. Throws `ConfigError`
 * that names the part that is wrong.
 */
export function parseMix(text: string): Mix {
  const weights = new Map<string, number>();
  for (const part of text.split(",")) {
    const [name, weight] = parsePart(part.trim());
    if (weights.has(name)) fail(`names \`${name}\` more than once`);
    weights.set(name, weight);
  }
  return sortMix(Object.fromEntries(weights));
}

/** The same mix whatever the order it was written in. */
export function sortMix(mix: Mix): Mix {
  return Object.fromEntries(Object.entries(mix).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Gives a function that draws a type, as its place among the mix's names. */
export function drawTypes(mix: Mix, random: Random): () => number {
  const limits: number[] = [];
  let sum = 0;
  for (const weight of Object.values(mix)) {
    sum += weight;
    limits.push(sum);
  }
  return () => {
    const draw = random() * sum;
    const place = limits.findIndex((limit) => draw < limit);
    // Rounding may leave a draw at the very top without a limit above it.
    return place === -1 ? limits.length - 1 : place;
  };
}

function parsePart(part: string): readonly [name: string, weight: number] {
  const [name, raw, ...rest] = part.split(":").map((piece) => piece.trim());
  if (!name || raw === undefined || rest.length > 0) {
    fail(`has the part \`${part}\`, expected \`<type>:<weight>\``);
  }
  if (findEventType(name) === undefined) fail(`names \`${name}\`, which is no event type`);
  const weight = NUMBER.test(raw) ? Number(raw) : Number.NaN;
  if (!(weight > 0 && weight < 1e15)) {
    fail(`gives \`${name}\` the weight \`${raw}\`, expected a number above 0`);
  }
  return [name, weight];
}

function fail(problem: string): never {
  const known = eventTypes.map((type) => type.name).join(", ");
  throw new ConfigError(`MIX ${problem}; known types: ${known}; example: \`view:0.9,video:0.1\``);
}
