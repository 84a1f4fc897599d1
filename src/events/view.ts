/** `view`: somebody watched a video. One event of kind 30079, as bitvid publishes it. */
import type { EventTemplate, NostrEvent, Tag } from "../nostr/wire.ts";
import { identifyVideo, pickViewing } from "./catalogue.ts";
import { checkJson, checkTag, firstFault, tagValues } from "./check.ts";
import type { Author, EventType } from "./event-type.ts";

const SECONDS_A_DAY = 86_400;

export interface ViewInput {
  /** Hex public key of the viewer: goes into the dedupe value. */
  readonly viewer: string;
  readonly pointer: readonly [tag: "a" | "e", value: string];
  /** Whether a throw-away session key signs: the form of viewers who are not logged in. */
  readonly anonymous: boolean;
  readonly createdAt: number;
}

/**
 * Builds a view event. One viewer, one video and one UTC day share a `d`: a relay keeps the newest.
 * Source: bitvid js/nostr/viewEvents.js and js/nostrEventSchemas.js at 126a613.
 */
export function buildView({ viewer, pointer, anonymous, createdAt }: ViewInput): EventTemplate {
  const [type, value] = pointer;
  const tags: Tag[] = [
    ["t", "view"],
    [type, value],
    ["d", dedupe(pointer, viewer, createdAt)],
  ];
  if (anonymous) tags.push(["session", "true"]);
  const content = JSON.stringify({ target: { type, value }, created_at: createdAt });
  return { kind: 30_079, created_at: createdAt, tags, content };
}

/** bitvid's deterministic dedupe value: the same for a viewer, a video and a UTC day. */
function dedupe([type, value]: ViewInput["pointer"], viewer: string, createdAt: number): string {
  return `${type}:${value.toLowerCase()}:${viewer}:${Math.floor(createdAt / SECONDS_A_DAY)}`;
}

/** Three viewers of four are anonymous. */
export const view: EventType = {
  name: "view",
  kinds: [[30_079]],
  maxBytes: [830],
  unique: true,
  build(context) {
    const { scope, createdAt, publicKey } = context;
    const viewing = pickViewing(context);
    const video = identifyVideo(scope, viewing.video);
    const anonymous = viewing.viewer % 4 !== 3;
    const author: Author = { role: anonymous ? "session" : "viewer", index: viewing.viewer };
    const template = buildView({
      viewer: publicKey(author),
      pointer: ["a", `30078:${publicKey(video.author)}:${video.rootId}`],
      anonymous,
      createdAt,
    });
    return [{ author, template }];
  },
  check: (event) =>
    firstFault(
      tagValues(event, "t").includes("view") ? null : "no tag `t` = `view`",
      checkTag(event, "a", /^30078:[0-9a-f]{64}:./),
      checkDedupe(event),
      checkJson(event, ({ target, created_at }) => {
        if (created_at !== event.created_at) return "content with another `created_at`";
        return typeof target === "object" ? null : "content without `target`";
      }),
    ),
};

function checkDedupe(event: NostrEvent): string | null {
  const [address = ""] = tagValues(event, "a");
  const expected = dedupe(["a", address], event.pubkey, event.created_at);
  return tagValues(event, "d").join() === expected ? null : "a `d` that is not the dedupe value";
}
