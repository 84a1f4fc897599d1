/** Lines of logs → what each k6 process said, whatever else is in them, in any order, and however often. */
import { HistogramStore } from "../measure/histogram-store.ts";
import { decodeSlice, SLICE_MARK, type Slice } from "../measure/slice.ts";
import { LineJoiner, toAscii } from "./lines.ts";
import {
  ABOUT_MARK,
  type About,
  BEGIN_MARK,
  type Begin,
  END_MARK,
  type End,
  type HandedOut,
  type Nonce,
  readMarked,
} from "./protocol.ts";

/** All that one k6 process said. */
export interface Said {
  begin: Begin | null;
  end: End | null;
  about: About | null;
  /** `<vu>/<seq>` → the slice. */
  readonly slices: Map<string, HandedOut>;
}

export class Gathering {
  readonly processes = new Map<Nonce, Said>();
  readonly #joiner = new LineJoiner();
  readonly #store = new HistogramStore();
  readonly #sha256: (text: string) => string;

  constructor(sha256: (text: string) => string) {
    this.#sha256 = sha256;
  }

  /** Takes a line of any log; gives the slice that it was, if it is new. */
  take(line: string): Slice | null {
    const text = this.#joiner.take(line);
    if (text === null) return null;
    if (text.startsWith(SLICE_MARK)) return this.#takeSlice(text);
    const begin = readMarked<Begin>(text, BEGIN_MARK);
    if (begin !== null) this.#of(begin.of).begin = begin;
    const end = readMarked<End>(text, END_MARK);
    if (end !== null) this.#of(end.of).end = end;
    const about = readMarked<About>(text, ABOUT_MARK);
    if (about !== null) this.#of(about.of).about = about;
    return null;
  }

  #takeSlice(text: string): Slice | null {
    const slice = decodeSlice(text, this.#store.keep);
    if (slice?.of === undefined) return null;
    const { slices } = this.#of(slice.of);
    const key = `${slice.vu}/${slice.seq}`;
    if (slices.has(key)) return null;
    slices.set(key, { vu: slice.vu, seq: slice.seq, digest: this.#sha256(toAscii(text)), slice });
    return slice;
  }

  #of(nonce: Nonce): Said {
    const known = this.processes.get(nonce) ?? {
      begin: null,
      end: null,
      about: null,
      slices: new Map<string, HandedOut>(),
    };
    this.processes.set(nonce, known);
    return known;
  }
}
