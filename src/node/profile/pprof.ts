/**
 * A pprof CPU profile (gzipped protobuf, github.com/google/pprof/proto/profile.proto) → functions by
 * self time. Only the fields that are needed are read.
 */
import { gunzipSync } from "node:zlib";
import type { Profile } from "../../report/types.ts";
import { type SelfTime, topFunctions } from "./functions.ts";

/** Numbers of the fields in profile.proto. */
const PROFILE = { sample: 2, location: 4, function: 5, strings: 6 };
const SAMPLE = { locationId: 1, value: 2 };
const LOCATION = { id: 1, line: 4 };
const LINE = { functionId: 1 };
const FUNCTION = { id: 1, name: 2, file: 4 };

/** One field of a message: a number, or bytes. */
interface Field {
  readonly number: number;
  readonly value: number;
  readonly bytes: Buffer | null;
}

/** Throws an `Error` that says what is wrong with it. */
export function readPprof(raw: Buffer, process: string): Profile {
  const data = raw[0] === 0x1f && raw[1] === 0x8b ? gunzipSync(raw) : raw;
  const fields = readFields(data);
  const strings = of(fields, PROFILE.strings).map(({ bytes }) => bytes?.toString("utf8") ?? "");
  const functions = new Map(
    of(fields, PROFILE.function).map(({ bytes }) => {
      const inner = readFields(bytes);
      const text = (number: number) => strings[numberOf(inner, number)] ?? "";
      return [
        numberOf(inner, FUNCTION.id),
        { name: text(FUNCTION.name), file: text(FUNCTION.file) },
      ];
    }),
  );
  /** Of inlined calls the first line is the innermost. */
  const functionAt = new Map(
    of(fields, PROFILE.location).map(({ bytes }) => {
      const inner = readFields(bytes);
      const line = of(inner, LOCATION.line)[0];
      return [
        numberOf(inner, LOCATION.id),
        numberOf(readFields(line?.bytes ?? null), LINE.functionId),
      ];
    }),
  );
  let samples = 0;
  const times = of(fields, PROFILE.sample).map(({ bytes }): SelfTime => {
    const inner = readFields(bytes);
    const values = numbers(inner, SAMPLE.value);
    samples += values[0] ?? 0;
    const leaf = functionAt.get(numbers(inner, SAMPLE.locationId)[0] ?? 0) ?? 0;
    const known = functions.get(leaf);
    // The last value of a CPU profile is time, the first the count of samples.
    return { name: known?.name || "?", file: known?.file || null, weight: values.at(-1) ?? 0 };
  });
  if (samples === 0) throw new Error("it has no samples: the process did nothing in that time");
  return { source: "pprof", process, samples, functions: topFunctions(times) };
}

function of(fields: readonly Field[], number: number): readonly Field[] {
  return fields.filter((field) => field.number === number);
}

function numberOf(fields: readonly Field[], number: number): number {
  return of(fields, number)[0]?.value ?? 0;
}

/** Repeated numbers, packed into one field or not. */
function numbers(fields: readonly Field[], number: number): readonly number[] {
  return of(fields, number).flatMap(({ value, bytes }) => {
    if (bytes === null) return [value];
    const unpacked: number[] = [];
    for (let at = 0; at < bytes.length; ) {
      const varint = readVarint(bytes, at);
      unpacked.push(varint.value);
      at = varint.next;
    }
    return unpacked;
  });
}

/** The fields of one message; wire types 0, 1, 2 and 5 of protobuf. */
function readFields(data: Buffer | null): readonly Field[] {
  const fields: Field[] = [];
  for (let at = 0; data !== null && at < data.length; ) {
    const key = readVarint(data, at);
    const number = Math.floor(key.value / 8);
    at = key.next;
    switch (key.value % 8) {
      case 0: {
        const { value, next } = readVarint(data, at);
        fields.push({ number, value, bytes: null });
        at = next;
        break;
      }
      case 1:
        at += 8;
        break;
      case 2: {
        const { value: length, next } = readVarint(data, at);
        if (next + length > data.length) throw new Error("it is cut off");
        fields.push({ number, value: 0, bytes: data.subarray(next, next + length) });
        at = next + length;
        break;
      }
      case 5:
        at += 4;
        break;
      default:
        throw new Error("it is no pprof profile");
    }
  }
  return fields;
}

/** Up to 2^53 exactly, which nanoseconds and ids of one profile stay below. */
function readVarint(data: Buffer, from: number): { readonly value: number; readonly next: number } {
  let value = 0;
  let scale = 1;
  for (let at = from; at < data.length; at++) {
    const byte = data[at] ?? 0;
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) return { value, next: at + 1 };
    scale *= 128;
  }
  throw new Error("it is cut off");
}
