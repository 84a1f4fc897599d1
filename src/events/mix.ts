/** The mix: which event types a run sends, in which proportion. A weight counts sets, not events. */
import { ConfigError } from "../errors.ts";
import type { Random } from "../random.ts";
import type { EventType } from "./event-type.ts";
import { expandPreset, presetNames } from "./presets.ts";
import { findEventType, listTypeNames } from "./registry.ts";

/** Type → weight, names in alphabetical order. */
export type Mix = Readonly<Record<string, number>>;

const NUMBER = /^(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/**
 * Reads `view:0.9,video:0.1`, or the name of a preset. The weight is what follows the last colon
 * (`padded:2048:0.1`). Weights are relative: they need not add up to 1. `extra` types may be named
 * beside the built-in ones. Throws `ConfigError` that names the part that is wrong.
 */
export function parseMix(text: string, extra: readonly EventType[] = []): Mix {
  const weights = new Map<string, number>();
  for (const part of expandPreset(text).split(",")) {
    const [name, weight] = parsePart(part.trim(), extra);
    if (weights.has(name)) fail(`names \`${name}\` more than once`, extra);
    weights.set(name, weight);
  }
  return sortMix(Object.fromEntries(weights));
}

/** A mix as it is written: what `parseMix` reads back. */
export function formatMix(mix: Mix): string {
  return Object.entries(mix)
    .map(([name, weight]) => `${name}:${weight}`)
    .join(",");
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

function parsePart(
  part: string,
  extra: readonly EventType[],
): readonly [name: string, weight: number] {
  const colon = part.lastIndexOf(":");
  const name = part
    .slice(0, Math.max(0, colon))
    .split(":")
    .map((piece) => piece.trim())
    .join(":");
  const raw = part.slice(colon + 1).trim();
  if (colon === -1 || name === "") {
    fail(`has the part \`${part}\`, expected \`<type>:<weight>\``, extra);
  }
  if (findEventType(name, extra) === undefined) {
    fail(`names \`${name}\`, which is no event type`, extra);
  }
  const weight = NUMBER.test(raw) ? Number(raw) : Number.NaN;
  if (!(weight > 0 && weight < 1e15)) {
    fail(`gives \`${name}\` the weight \`${raw}\`, expected a number above 0`, extra);
  }
  return [name, weight];
}

function fail(problem: string, extra: readonly EventType[]): never {
  const known = listTypeNames(extra).join(", ");
  const presets = presetNames.join(", ");
  throw new ConfigError(
    `MIX ${problem}; known types: ${known}; presets: ${presets}; example: \`view:0.9,video:0.1\``,
  );
}
