/** The people of a corpus: who writes, whom others follow, and what is talked about, all by Zipf's law. */
import { type Random, seededRandom } from "../random.ts";
import type { Author, PoolScope } from "./event-type.ts";
import { drawZipf } from "./popularity.ts";
import { randomBase36 } from "./text.ts";

/** As many as `takeTurn` gives a turn at the least: each of them gets a profile and a contact list. */
const PEOPLE = 1_000;
const TOPICS = 200;

export function drawPerson(random: Random): Author {
  return { role: "viewer", index: drawZipf(random, PEOPLE) };
}

/** A hashtag and a word that no other pool holds, so that what is found by them can be counted. */
export function drawTopic(scope: PoolScope, random: Random): { tag: string; word: string } {
  const topic = seededRandom(scope.seed, `topic/${drawZipf(random, TOPICS)}`);
  // A letter first: no search takes it for a number.
  return { tag: `t${randomBase36(topic, 11)}`, word: `w${randomBase36(topic, 11)}` };
}
