/** What a class of work declares of itself. Whatever counts, merges, prints or judges reads these rows. */

/** Two sides that are equal when every unit is accounted for. */
interface Identity {
  readonly text: string;
  readonly left: string;
  /** Columns whose sum it is. */
  readonly right: readonly string[];
  /** The column that takes what a VU, cut off before its end, left open; without one nothing is ever open. */
  readonly rest?: string;
}

/** Names of k6 metrics, for thresholds and dashboards. */
interface ClassMetrics {
  /** The tag that holds a row's name; `null` where rows are not told apart. */
  readonly tag: string | null;
  /** Time → its trend. Their samples are taken together, in this order. */
  readonly trends: Readonly<Record<string, string>>;
  /** Column → its counter. */
  readonly counters: Readonly<Record<string, string>>;
  /** The rate of what failed; `null` where nothing of it can. */
  readonly failed: string | null;
}

export interface ClassOfWork {
  /** What one of it is. */
  readonly unit: string;
  /** Many of it, and what one is called that is done. */
  readonly many: string;
  readonly doneWord: string;
  /** What a report's tables have as their title. */
  readonly title: string;
  /** What its rows are. */
  readonly rowsAre: string;
  /** In the order in which they are stored and sent; each by row. */
  readonly columns: readonly string[];
  readonly identities: readonly Identity[];
  /** Name → from when to when. The first one is the class's own: series, noise and heat map show it. */
  readonly times: Readonly<Record<string, string>>;
  /** The column of what was due, and of what was sent. */
  readonly due: string;
  readonly sent: string;
  /** The column that counts as done, and what else is no failure. */
  readonly done: string;
  readonly fine: readonly string[];
  /** What became of those that failed. */
  readonly failed: readonly string[];
  /** The warm-up is counted in rows of its own, behind the others. */
  readonly hasWarmup: boolean;
  /** It sends by a schedule of its own, whose lag is taken. */
  readonly hasSchedule: boolean;
  /** The series has its time by row too. */
  readonly seriesByRow: boolean;
  readonly metrics: ClassMetrics;
}
