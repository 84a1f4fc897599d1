/** Made-up text: printable ASCII without quotes or backslashes, so that JSON adds no escapes to it. */
import { type Random, randomInt } from "../random.ts";

const verbs = ["Building", "Repairing", "Planting", "Painting", "Wiring", "Mapping", "Testing"];
const adjectives = ["solar", "small", "tidal", "wooden", "mobile", "quiet", "modern", "simple"];
const things = ["shed", "boat", "garden", "bridge", "kiln", "loom", "radio", "cabin", "engine"];
const tags = ["solar", "diy", "offgrid", "music", "travel", "garden", "science", "radio", "craft"];
const clauses = [
  "we mount the four panels",
  "wire the charge controller",
  "measure the first full day of sun",
  "cut the frame to length",
  "compare two ways of doing it",
  "walk through the parts list",
  "answer questions from the last part",
  "show what went wrong at first",
  "take the old cover off",
  "check every joint by hand",
  "weigh the result",
  "film it all from above",
];

const BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const PAIRS = Array.from(BASE64).flatMap((a) => Array.from(BASE64, (b) => a + b));

/** A title of some 30 characters. */
export function randomTitle(random: Random): string {
  const part = 1 + randomInt(random, 9);
  return `${pick(random, verbs)} a ${pick(random, adjectives)} ${pick(random, things)}, part ${part}`;
}

/** Sentences of whole words, at most `length` and at least `length` - 12 characters. */
export function randomDescription(random: Random, length: number): string {
  let text = "In this part";
  while (text.length <= length) text += `${separator(random)} ${pick(random, clauses)}`;
  return `${text.slice(0, text.lastIndexOf(" ", length - 1)).replace(/[,.]$/, "")}.`;
}

/** Four to seven words, without a full stop. */
export function randomClause(random: Random): string {
  return pick(random, clauses);
}

export function capitalise(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** `count` different hashtags. */
export function randomHashtags(random: Random, count: number): readonly string[] {
  const first = randomInt(random, tags.length);
  return Array.from({ length: count }, (_, i) => tags[(first + i) % tags.length] ?? "video");
}

/** `length` lowercase hex digits. */
export function randomHex(random: Random, length: number): string {
  return randomDigits(random, length, 16);
}

/** `length` base64 characters, as random bytes give them; without padding. */
export function randomBase64(random: Random, length: number): string {
  let text = "";
  // Two characters of 12 bits, twice a draw.
  while (text.length < length) {
    const bits = randomInt(random, 2 ** 24);
    text += `${PAIRS[bits >>> 12]}${PAIRS[bits & 4_095]}`;
  }
  return text.slice(0, length);
}

/** `length` digits 0-9 a-z. */
export function randomBase36(random: Random, length: number): string {
  return randomDigits(random, length, 36);
}

function randomDigits(random: Random, length: number, radix: number): string {
  let digits = "";
  // Four digits a draw: 36 ** 4 is well below the 32 bits that a draw has.
  while (digits.length < length) {
    digits += randomInt(random, radix ** 4)
      .toString(radix)
      .padStart(4, "0");
  }
  return digits.slice(0, length);
}

function separator(random: Random): string {
  const draw = randomInt(random, 4);
  if (draw === 0) return ". After that";
  return draw === 1 ? " and" : ",";
}

function pick(random: Random, words: readonly string[]): string {
  return words[randomInt(random, words.length)] ?? "";
}
