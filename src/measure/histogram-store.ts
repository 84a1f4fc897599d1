/**
 * Histograms of very many slices, kept in a tenth of the memory that their buckets take as numbers, and read as
 * any other: whoever needs the buckets takes them once.
 */
import type { HistogramData, PackedHistogram } from "./histogram.ts";

const CHUNK_BYTES = 1 << 20;
/** A place and a count of 32 bits, seven bits a byte. */
const MOST_ENTRY_BYTES = 10;
const COMMA = 44;
const ZERO = 48;

export class HistogramStore {
  #chunk = new Uint8Array(0);
  #used = 0;

  /** Keeps a histogram as a VU handed it out. */
  readonly keep = (packed: PackedHistogram): HistogramData => {
    const { counts, from, max } = packed;
    // No entry is shorter than a digit and a comma.
    this.#reserve((counts.length + 2) * MOST_ENTRY_BYTES);
    const startByte = this.#used;
    let entries = 0;
    let count = 0;
    let last = 0;
    let index = from;
    let n = 0;
    for (let i = 0; i <= counts.length; i++) {
      const code = i === counts.length ? COMMA : counts.charCodeAt(i);
      if (code !== COMMA) {
        n = n * 10 + code - ZERO;
        continue;
      }
      if (n > 0) {
        this.#write(index - last);
        this.#write(n);
        last = index;
        count += n;
        entries++;
      }
      index++;
      n = 0;
    }
    return new StoredHistogram(this.#chunk, startByte, entries, count, count === 0 ? 0 : max);
  };

  /** Room that is not used is left to the next one. */
  #reserve(bytes: number): void {
    if (this.#used + bytes <= this.#chunk.length) return;
    this.#chunk = new Uint8Array(Math.max(CHUNK_BYTES, bytes));
    this.#used = 0;
  }

  #write(value: number): void {
    let rest = value;
    while (rest > 127) {
      this.#chunk[this.#used++] = (rest & 127) | 128;
      rest = Math.floor(rest / 128);
    }
    this.#chunk[this.#used++] = rest;
  }
}

class StoredHistogram implements HistogramData {
  readonly count: number;
  readonly max: number;
  readonly #bytes: Uint8Array;
  readonly #startByte: number;
  readonly #entries: number;

  constructor(bytes: Uint8Array, startByte: number, entries: number, count: number, max: number) {
    this.#bytes = bytes;
    this.#startByte = startByte;
    this.#entries = entries;
    this.count = count;
    this.max = max;
  }

  get unit(): "ms" {
    return "ms";
  }

  get buckets(): readonly number[] {
    const buckets: number[] = [];
    this.#read((index, count) => buckets.push(index, count));
    return buckets;
  }

  addTo(counts: Uint32Array): void {
    this.#read((index, count) => {
      counts[index] = (counts[index] ?? 0) + count;
    });
  }

  #read(take: (index: number, count: number) => void): void {
    const bytes = this.#bytes;
    let at = this.#startByte;
    const read = () => {
      let value = 0;
      for (let factor = 1; ; factor *= 128) {
        const byte = bytes[at++] ?? 0;
        value += (byte & 127) * factor;
        if (byte < 128) return value;
      }
    };
    let index = 0;
    for (let i = 0; i < this.#entries; i++) {
      index += read();
      take(index, read());
    }
  }
}
