/** What a run of `query` asks: its options, checked. */
import { formatMix } from "../events/mix.ts";
import { parseQueryMix } from "../query/catalogue.ts";
import { KEY_ORDERS, type KeyOrder } from "../query/keys.ts";
import { MOST_PAGES } from "../query/pages.ts";
import { type OptionTexts, readChoice, readNumber, readSwitch } from "./options.ts";

/** Which answers are held against what: none, rows by their number, or every row. */
const VERIFY_FORMS = ["rows", "counts", "off"] as const;
export type VerifyForm = (typeof VERIFY_FORMS)[number];

export interface QueryPlan {
  /** REQs and COUNTs a second over all clients, first pages only. */
  readonly rate: number;
  /** Shapes and weights, a preset spelled out: `parseQueryMix` reads it. */
  readonly mix: string;
  /** Events that are made and loaded beforehand; `relay`: what is there already. */
  readonly corpus: number | "relay";
  readonly keys: KeyOrder;
  readonly verify: VerifyForm;
  /** Pages of a question that has some, the first one too. */
  readonly pages: number;
  /** A subscription stays open behind EOSE, until its place is needed. */
  readonly keepLive: boolean;
}

/**
 * The seed of a corpus: keys of its own for each size and time. By the same ones, two corpora would replace each other's
 * profiles and contact lists in a relay, and each would find the other's notes in its answers.
 */
export function seedOfCorpus(seed: string, events: number, epoch: number): string {
  return `${seed}/${events}@${epoch}`;
}

/** Above these a typo is likelier than a wish; `--force` lifts them. */
const BOUNDS = { rate: 20_000, corpus: 1_000_000 };

/** Reads the options of `query`. Throws `ConfigError`. */
export function readQueryPlan(texts: OptionTexts, force: boolean): QueryPlan {
  const bound = (n: number) => (force ? Number.MAX_SAFE_INTEGER : n);
  const { corpus } = texts;
  return {
    rate: readNumber(texts, "queryRate", { min: 0.01, max: bound(BOUNDS.rate), integer: false }),
    mix: formatMix(parseQueryMix(texts.queryMix ?? "")),
    corpus:
      corpus === "relay"
        ? corpus
        : readNumber(texts, "corpus", {
            min: 100,
            max: bound(BOUNDS.corpus),
            integer: true,
            or: "`relay`",
          }),
    keys: readChoice(texts, "keys", KEY_ORDERS),
    verify: readChoice(texts, "verify", VERIFY_FORMS),
    pages: readNumber(texts, "pages", { min: 1, max: MOST_PAGES, integer: true }),
    keepLive: readSwitch(texts, "keepLive"),
  };
}
