/** The shapes that a query mix may name. A new shape is one module, one entry here and one in `facts.ts`. */
import { ConfigError } from "../errors.ts";
import { type Mix, sortMix } from "../events/mix.ts";
import type { Shape } from "./shape.ts";
import { address } from "./shapes/address.ts";
import { author } from "./shapes/author.ts";
import { countFollowers } from "./shapes/count-followers.ts";
import { countReactions } from "./shapes/count-reactions.ts";
import { hashtag } from "./shapes/hashtag.ts";
import { home } from "./shapes/home.ts";
import { ids } from "./shapes/ids.ts";
import { notifications } from "./shapes/notifications.ts";
import { profiles } from "./shapes/profiles.ts";
import { reactions } from "./shapes/reactions.ts";
import { search } from "./shapes/search.ts";
import { thread } from "./shapes/thread.ts";

export const shapes: readonly Shape[] = [
  home,
  profiles,
  thread,
  reactions,
  notifications,
  author,
  hashtag,
  ids,
  address,
  countReactions,
  countFollowers,
  search,
];

/**
 * Mixes of shapes with a name. The weights of `app` are of one opening of an app: the feed, then for what is
 * on the screen profiles, reactions and what it points at, and what the person looks at after that.
 */
const presets: ReadonlyMap<string, string> = new Map([
  [
    "app",
    "home:0.1,profiles:0.2,reactions:0.2,ids:0.15,notifications:0.1,thread:0.1,author:0.06,hashtag:0.04,address:0.05",
  ],
  ["feeds", "home:0.5,notifications:0.2,author:0.2,hashtag:0.1"],
  ["point-reads", "ids:0.5,address:0.3,profiles:0.2"],
  ["count", "count-reactions:0.7,count-followers:0.3"],
]);

export const queryPresets: readonly string[] = [...presets.keys()];

/** Reads `shape:weight,…` or a preset's name. Throws `ConfigError` for what is none. */
export function parseQueryMix(text: string): Mix {
  const mix = new Map<string, number>();
  for (const entry of (presets.get(text.trim()) ?? text).split(",")) {
    const [name = "", weight = "", ...rest] = entry.trim().split(":");
    if (findShape(name) === undefined) {
      throw new ConfigError(
        `a query mix names shapes, got \`${name}\`; shapes: ${shapes.map((one) => one.name).join(", ")}; presets: ${queryPresets.join(", ")}`,
      );
    }
    if (rest.length > 0 || !/^\d*\.?\d+$/.test(weight) || Number(weight) <= 0) {
      throw new ConfigError(
        `a query mix needs \`shape:weight\` with a weight above 0, got \`${entry.trim()}\``,
      );
    }
    if (mix.has(name)) throw new ConfigError(`the query mix names \`${name}\` more than once`);
    mix.set(name, Number(weight));
  }
  return sortMix(Object.fromEntries(mix));
}

export function findShape(name: string): Shape | undefined {
  return shapes.find((shape) => shape.name === name);
}
