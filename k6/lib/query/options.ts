/** What the query driver is given beside what all drivers have. */
import type { VerifyForm } from "../../../src/plan/query.ts";
import type { Client } from "../connection/client.ts";
import type { Ground } from "../driver.ts";
import type { CorpusRows } from "./corpus-rows.ts";
import type { QuerySource } from "./question.ts";

export interface QueryOptions {
  readonly createSource: (ground: Ground) => QuerySource;
  /** Rows of the class in one phase: the queries by name, and one for those that never got a name. */
  readonly rowCount: number;
  /** Queries of the run by the schedule, at most: for how many of them k6's trends have a time. */
  readonly mostQueries: number;
  readonly verify: VerifyForm;
  /** `null`: nobody knows what the relay holds; rows are held against their filters. */
  readonly corpus: CorpusRows | null;
  /** By relay of the plan, after how many rows of a filter it ends an answer; 0 or none: nobody knows. */
  readonly rowCaps: readonly number[];
  /** By relay of the plan, whether its COUNTs can count nothing but the corpus; none: nobody knows. */
  readonly ownCounts: readonly boolean[];
  /** By relay of the plan, which part of the corpus it holds; the first one where it is left out. */
  readonly holders: readonly number[];
  /** Nothing but queries is under way on a connection: what a NOTICE there says, it says of one of them. */
  readonly isAlone: (client: Client) => boolean;
  /** A subscription stays open behind EOSE until its place is needed. */
  readonly keepLive: boolean;
  /** Bytes of the pool's largest frame. */
  readonly largestFrame: number;
}
