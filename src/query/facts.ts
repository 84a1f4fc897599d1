/**
 * What each shape asks, as data: for who reads a report, in k6 too, where there is no room for the shapes
 * themselves. A test holds it against them.
 */
export interface ShapeFacts {
  readonly verb: "REQ" | "COUNT";
  readonly filters: number;
  /** Rows that all filters ask for together at most; `null` of a COUNT. */
  readonly most: number | null;
  /** Members of its filters, without `limit`. */
  readonly members: readonly string[];
}

const req = (filters: number, most: number, ...members: readonly string[]): ShapeFacts => ({
  ...{ verb: "REQ", filters, most, members },
});
const count = (...members: readonly string[]): ShapeFacts => ({
  ...{ verb: "COUNT", filters: 1, most: null, members },
});

export const SHAPE_FACTS: Readonly<Record<string, ShapeFacts>> = {
  home: req(3, 1_500, "kinds", "authors"),
  profiles: req(1, 100, "kinds", "authors"),
  thread: req(2, 501, "ids", "kinds", "#e"),
  reactions: req(1, 500, "kinds", "#e"),
  notifications: req(1, 500, "kinds", "#p"),
  author: req(1, 50, "kinds", "authors", "until"),
  hashtag: req(1, 100, "kinds", "#t"),
  ids: req(1, 20, "ids"),
  address: req(1, 1, "kinds", "authors", "#d"),
  "count-reactions": count("kinds", "#e"),
  "count-followers": count("kinds", "#p"),
  search: req(1, 100, "kinds", "search"),
};
