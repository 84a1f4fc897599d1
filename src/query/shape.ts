/** What a shape is: a question that clients ask again and again, with other keys each time. */
import type { Filter } from "../nostr/wire.ts";
import type { Keys } from "./keys.ts";

export interface Shape {
  readonly name: string;
  readonly verb: "REQ" | "COUNT";
  /** People turn its pages: one filter, and behind a full page another one asks for what is older. */
  readonly isPaged?: true;
  /** The filters of the next question, each with a `limit` of 1 or more; `null`: the corpus has no answer. */
  readonly ask: (keys: Keys) => readonly Filter[] | null;
}
