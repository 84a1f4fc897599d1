/**
 * Events by an application's own builders, here those of a bitvid checkout (js/nostrEventSchemas.js):
 *
 *     APP_CHECKOUT=../bitvid npx k6-nostr run publish --relay ws://127.0.0.1:7777 \
 *       --builders examples/bitvid-builders.mjs --mix app-view:0.9,app-video:0.1
 *
 * Nothing of the application is copied; it is imported from the folder that APP_CHECKOUT names.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const checkout = process.env.APP_CHECKOUT;
if (!checkout) throw new Error("set APP_CHECKOUT to the folder of the application's checkout");
const path = join(resolve(checkout), "js/nostrEventSchemas.js");
const { buildVideoPostEvent, buildVideoMirrorEvent, buildViewEvent } = await import(
  pathToFileURL(path).href
);

/** The pool's id follows the application's text too: a changed builder means another pool. */
export const version = createHash("sha256").update(readFileSync(path)).digest("hex");

const AUTHORS = 16;
/** Views are of the videos published first, so that all of them are in a pool of some size. */
const WATCHED = 32;
const SECONDS_A_DAY = 86_400;

/** A video is known by its number alone, so that a view can name what another set publishes. */
const rootOf = (number) => `${1_767_225_600_000 + number}-${(number * 2_654_435_761).toString(36)}`;
const authorOf = (number, pubkey) => pubkey("author", number % AUTHORS);

export const builders = {
  "app-view": ({ ordinal, created_at, random, pubkey }) => {
    const viewer = pubkey("viewer", ordinal);
    const number = Math.floor(random() * WATCHED);
    const pointer = `30078:${authorOf(number, pubkey)}:${rootOf(number)}`;
    const day = Math.floor(created_at / SECONDS_A_DAY);
    return buildViewEvent({
      pubkey: viewer,
      created_at,
      pointerValue: pointer,
      pointerTag: ["a", pointer],
      dedupeTag: `a:${pointer}:${viewer}:${day}`,
      includeSessionTag: false,
      content: JSON.stringify({ target: { type: "a", value: pointer }, created_at }),
    });
  },

  // A set in order: the mirror names the id that the post will have.
  *"app-video"({ ordinal, created_at, pubkey }) {
    const author = authorOf(ordinal, pubkey);
    const root = rootOf(ordinal);
    const url = `https://cdn.example.invalid/${root}.mp4`;
    const post = yield buildVideoPostEvent({
      pubkey: author,
      created_at,
      dTagValue: root,
      content: { version: 3, title: `Video ${ordinal}`, videoRootId: root, url, mode: "live" },
    });
    yield buildVideoMirrorEvent({
      pubkey: author,
      created_at,
      tags: [
        ["url", url],
        ["m", "video/mp4"],
        ["e", post.id],
      ],
      content: `Video ${ordinal}`,
    });
  },
};
