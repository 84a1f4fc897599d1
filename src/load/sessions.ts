/**
 * A viewer's session, as the view event that ends it tells it: the client opened the feed, its user chose a
 * video, and after the view threshold the view event was published. Each view event of the schedule has
 * such a session before it; reactions and comments have their share in the mix. Times are those of
 * docs/sessions.md: change them there too.
 */
import type { Random } from "../random.ts";

/** What a session asks for, in the order of its rows in slices and reports. */
export const QUERIES = ["feed", "choose"] as const;
export type QueryName = (typeof QUERIES)[number];

/** From the choice to the view event: the threshold of 5 s (bitvid js/services/watchHistoryTelemetry.js), and up to a second till playback starts. */
const WATCHED_MS = { least: 5_000, most: 6_000 };
/** From the feed to the choice: exponential, cut off. */
const BROWSED_MS = { least: 500, mean: 3_000, most: 8_000 };

/** No session begins earlier than this before its view event. */
export const LONGEST_SESSION_MS = WATCHED_MS.most + BROWSED_MS.most;

/** What a client shows at first: bitvid asks for 150, which most screens never get to. */
const FEED_LIMIT = 20;
export const FEED_FILTER = JSON.stringify({ kinds: [30_078], "#t": ["video"], limit: FEED_LIMIT });

/** So many events each query asks for at most. */
export const QUERY_LIMITS: Readonly<Record<string, number>> = { feed: FEED_LIMIT, choose: 1 };

/** How long before its view event each query of a session is due, ms. */
export function drawSession(random: Random): Readonly<Record<QueryName, number>> {
  const watched = WATCHED_MS.least + random() * (WATCHED_MS.most - WATCHED_MS.least);
  const browsed = BROWSED_MS.least - Math.log(1 - random()) * (BROWSED_MS.mean - BROWSED_MS.least);
  return { feed: watched + Math.min(browsed, BROWSED_MS.most), choose: watched };
}

/**
 * The filter that finds the video of a view, cut out of its frame: the first `a` or `e` tag, which our
 * builders write before the content. `null` without one.
 */
export function filterForView(frame: string): string | null {
  const address = cutTag(frame, "a");
  if (address !== null) {
    const [kind = "", author = "", ...rest] = address.split(":");
    return `{"kinds":[${kind}],"authors":["${author}"],"#d":["${rest.join(":")}"],"limit":1}`;
  }
  const id = cutTag(frame, "e");
  return id === null ? null : `{"ids":["${id}"]}`;
}

function cutTag(frame: string, name: string): string | null {
  const head = `["${name}","`;
  const start = frame.indexOf(head);
  if (start === -1) return null;
  return frame.substring(start + head.length, frame.indexOf('"', start + head.length));
}
