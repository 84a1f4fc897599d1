import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import fc from "fast-check";
import { getEventHash } from "nostr-tools/pure";
import { pairViewing, planCatalogue } from "../src/events/catalogue.ts";
import { randomDescription, randomTitle } from "../src/events/text.ts";
import { buildVideoMirror, buildVideoPost, type VideoDetails } from "../src/events/video.ts";
import { buildView } from "../src/events/view.ts";
import type { EventTemplate } from "../src/nostr/wire.ts";
import { seededRandom } from "../src/random.ts";

const author = "1b84c5567b126440995d3ed5aaba0565d71e1834604819ff9c17f5e9d5dd078f";
const viewer = "4d4b6cd1361032ca9bd2aeb9d900aa4d45d9ead80ac9423374c451a7254d0766";
const session = "531fe6068134503d2723133227c867ac8fa6c83c537e9a44c3c5bdbdcb1fe337";
const rootId = "1767225600000-k3f9q2vx7bd";
const postId = "3318970c062ff5ef3ddcff5c9b5f8279a6c10bc6cc0ed2c469d1bd9027ba1a3c";

const details: VideoDetails = {
  pubkey: author,
  rootId,
  createdAt: 1767225600,
  title: "Building a solar shed, part 3",
  description:
    "Third part of the off-grid shed build: we mount the four panels, wire the charge controller and measure the first full day of sun. Parts list, wiring diagram and corrections to part 2 are in the first comment.",
  hashtags: ["solar", "diy", "offgrid"],
  infoHash: "e4913cb389a904b096cf46e62ea39d5a1d4fc3e7",
  fileSha256: "7202b8f80df07cf0af1fcbb9689082a0dee9ec2880491a9fc8ecd52b2d128935",
  originalFileSha256: "14e0ffdc8215c81da0cde40f581237ee35177ddac4f1fc7613cad3004798d25f",
  width: 1920,
  height: 1080,
  duration: 1284.48,
};

const vectors: readonly {
  readonly fixture: string;
  readonly pubkey: string;
  readonly template: EventTemplate;
  readonly id?: string;
}[] = [
  {
    fixture: "view_session_a",
    pubkey: session,
    template: buildView({
      viewer: session,
      pointer: ["a", `30078:${author}:${rootId}`],
      anonymous: true,
      createdAt: 1767226200,
    }),
    id: "af6cd62ecdf4b3720b8bd18b1f5fff63881aafeb5bfe0b1b4a9e9f7e08ba410c",
  },
  {
    fixture: "view_loggedin_e",
    pubkey: viewer,
    template: buildView({
      viewer,
      pointer: ["e", postId],
      anonymous: false,
      createdAt: 1767226200,
    }),
  },
  {
    fixture: "video_post_typical",
    pubkey: author,
    template: buildVideoPost(details),
    id: postId,
  },
  {
    fixture: "nip94_mirror_1063",
    pubkey: author,
    template: buildVideoMirror(details),
    id: "909f09b9247de5aeb9c9f8147aece0b12fd9ab380a0c4aeed19ac822d68794b4",
  },
];

describe("event builders", () => {
  for (const { fixture, pubkey, template, id } of vectors) {
    it(`reproduce the example ${fixture}`, () => {
      const url = new URL(`./fixtures/events/${fixture}.json`, import.meta.url);
      const example: unknown = JSON.parse(readFileSync(url, "utf8"));
      assert.deepEqual({ pubkey, ...template }, example);
      if (id === undefined) return;
      const tags = template.tags.map((tag) => [...tag]);
      assert.equal(getEventHash({ ...template, tags, pubkey }), id);
    });
  }
});

describe("made-up text", () => {
  it("is printable ASCII of the size asked for, and needs no escapes in JSON", () => {
    fc.assert(
      fc.property(fc.string(), (seed) => {
        const random = seededRandom(seed, "text");
        const title = randomTitle(random);
        const description = randomDescription(random, 208);
        for (const text of [title, description]) {
          assert.match(text, /^[ -~]+$/);
          assert.equal(JSON.stringify(text), `"${text}"`);
        }
        assert.ok(description.length >= 196 && description.length <= 208, description);
        assert.ok(title.length >= 20 && title.length <= 40, title);
      }),
    );
  });
});

describe("pairViewing", () => {
  it("never pairs a viewer with the same video twice, however many videos there are", () => {
    const settings = fc.record({
      seed: fc.string(),
      views: fc.integer({ min: 1, max: 4_000 }),
      growth: fc.double({ min: 0, max: 1, noNaN: true }),
    });
    fc.assert(
      fc.property(settings, ({ seed, views, growth }) => {
        const random = seededRandom(seed, "pairs");
        const { catalogue } = planCatalogue(views, growth > 0);
        const pairs = new Set<string>();
        for (let i = 0; i < views; i++) {
          const reach = Math.max(catalogue, Math.floor(i * growth));
          const { viewer, video } = pairViewing(i, reach, random);
          assert.ok(video >= 0 && video < reach, `video ${video} of ${reach}`);
          pairs.add(`${viewer}/${video}`);
        }
        assert.equal(pairs.size, views);
      }),
      { numRuns: 50 },
    );
  });
});
