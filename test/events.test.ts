import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import fc from "fast-check";
import { getEventHash } from "nostr-tools/pure";
import { planCatalogue } from "../src/events/catalogue.ts";
import { buildComment } from "../src/events/comment.ts";
import { buildVideoMirror } from "../src/events/file.ts";
import type { Metadata } from "../src/events/metadata.ts";
import { buildNip71Mirror, buildNip71Video } from "../src/events/nip71.ts";
import { drawZipf, pairViewing } from "../src/events/popularity.ts";
import { buildReadReceipt, buildTyping } from "../src/events/presence.ts";
import { buildProfile } from "../src/events/profile.ts";
import { buildReaction } from "../src/events/reaction.ts";
import { buildRelayList } from "../src/events/relay-list.ts";
import { buildRepost } from "../src/events/repost.ts";
import { randomBase64, randomDescription, randomTitle } from "../src/events/text.ts";
import { buildDeletion } from "../src/events/video-delete.ts";
import type { VideoDetails } from "../src/events/video-details.ts";
import { buildVideoPost } from "../src/events/video-post.ts";
import { buildView } from "../src/events/view.ts";
import type { EventTemplate, NostrEvent } from "../src/nostr/wire.ts";
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

const metadata: Metadata = {
  publishedAt: 1767225600,
  alt: "A man mounts solar panels on the roof of a wooden shed",
  variants: (
    [
      [
        "2160p.mp4",
        "video/mp4",
        3840,
        2160,
        16_000_000,
        "02b40e4e6c7e650d617af65b7b8f371925ede21ab1e50a59075ba27e5a7d50c7",
      ],
      [
        "1080p.mp4",
        "video/mp4",
        1920,
        1080,
        6_000_000,
        "a6af5f2f2ed78eb74a42cfe7b675b69171409b9c8664d5eef842110e7e79b61b",
      ],
      [
        "720p.mp4",
        "video/mp4",
        1280,
        720,
        3_000_000,
        "7e6ea83f2b61649bec830aa13fb6da5c12606e7838be0efb6d94bcbbd220b2a6",
      ],
      [
        "480p.mp4",
        "video/mp4",
        854,
        480,
        1_200_000,
        "42f90bf56eb1b05a506ee89140a58aad955fc005e299ada7bf5d2e8d86efc5e3",
      ],
      [
        "360p.webm",
        "video/webm",
        640,
        360,
        700_000,
        "4576d3ca41ee05c6eafbb14cbbe0cf4d0f1739482e2f98ed590c7bd5760eb3d7",
      ],
      [
        "hls.m3u8",
        "application/x-mpegurl",
        1920,
        1080,
        6_000_000,
        "714610be715615729671451fd8a2e67a74e60a314f590f02078f087a0b7483d9",
      ],
    ] as const
  ).map(([file, mime, width, height, bitrate, sha256]) => {
    return { file, mime, width, height, bitrate, sha256 };
  }),
  tracks: [
    { type: "captions", language: "en" },
    { type: "captions", language: "es" },
    { type: "subtitles", language: "de" },
    { type: "chapters", language: "en" },
  ],
  segments: [
    { start: 0, end: 72.5, title: "Intro and recap" },
    { start: 72.5, end: 520, title: "Mounting the rails" },
    { start: 520, end: 905.25, title: "Wiring the controller" },
    { start: 905.25, end: 1284.48, title: "First day of sun" },
  ],
  participants: [viewer],
  references: ["https://example.com/solar-shed/parts"],
};
const rich: VideoDetails = { ...details, metadata };

const address = `30078:${author}:${rootId}`;
const target = { address, postId, author };
const presence = { recipient: author, messageId: postId, createdAt: 1767225600 };

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
  { fixture: "video_post_with_nip71_tags", pubkey: author, template: buildVideoPost(rich) },
  {
    fixture: "nip71_kind21_6variants",
    pubkey: author,
    template: buildNip71Video({ details: rich, metadata, postId, createdAt: 1767225601 }),
  },
  {
    fixture: "nip71_mirror_34235",
    pubkey: author,
    template: buildNip71Mirror(details, 1767225602),
    id: "7c11ae2d43455d140dff828da9b95705afa05da922767328dfdf7c6de90edd32",
  },
  {
    fixture: "reaction_a",
    pubkey: viewer,
    template: buildReaction(target, 1767226310),
    id: "5687a95f594c9c04b382a78b5536640d6ff5bc59186461af6682d44a70ae9601",
  },
  {
    fixture: "repost16",
    pubkey: viewer,
    template: buildRepost(signedPost(), 1767226320),
  },
  {
    fixture: "profile",
    pubkey: author,
    template: buildProfile({
      name: "Shed Builder",
      about: "Off-grid workshop videos.",
      picture: `https://media.example.com/u/${author.slice(0, 16)}/${rootId}/me.jpg`,
      address: "shed@example.com",
      createdAt: 1767225600,
    }),
  },
  {
    fixture: "relay_list",
    pubkey: viewer,
    template: buildRelayList(
      [{ url: "wss://relay.example.com" }, { url: "wss://relay2.example.com", use: "write" }],
      1767225600,
    ),
  },
  { fixture: "typing_20002", pubkey: viewer, template: buildTyping(presence, 1767225615) },
  { fixture: "read_receipt_20001", pubkey: viewer, template: buildReadReceipt(presence) },
];

describe("event builders", () => {
  for (const { fixture, pubkey, template, id } of vectors) {
    it(`reproduce the example ${fixture}`, () => {
      assert.deepEqual({ pubkey, ...template }, readExample(fixture));
      if (id === undefined) return;
      const tags = template.tags.map((tag) => [...tag]);
      assert.equal(getEventHash({ ...template, tags, pubkey }), id);
    });
  }

  it("add the `k` tag of NIP-09 to the example deletion", () => {
    const { pubkey, ...example } = readExample("deletion");
    const template = buildDeletion({ postId, address, createdAt: 1767225600 });
    assert.equal(pubkey, author);
    assert.deepEqual(template, { ...example, tags: [...example.tags, ["k", "30078"]] });
  });

  it("give the example comment the parent in lower case, as NIP-22 wants it", () => {
    const { pubkey, ...example } = readExample("comment_toplevel");
    const { content } = example;
    const template = buildComment({ target, content, createdAt: 1767226300 });
    const hint = "wss://relay.example.com";
    assert.equal(pubkey, viewer);
    assert.deepEqual(template, {
      ...example,
      tags: [
        ...example.tags.slice(0, 3),
        ["a", address, hint],
        ["e", postId, hint],
        ["k", "30078"],
        ["p", author, hint],
      ],
    });
  });
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

describe("random base64", () => {
  it("is what so many random bytes are written as", () => {
    const text = randomBase64(seededRandom("seed", "base64"), 30_000);
    assert.equal(Buffer.from(text, "base64").toString("base64"), text);
    assert.equal(new Set(text).size, 64);
  });
});

describe("drawZipf", () => {
  it("draws each rank with a chance in proportion to its inverse", () => {
    for (const limit of [1, 2, 3, 10, 100]) {
      const random = seededRandom("seed", `zipf/${limit}`);
      const draws = 60_000;
      const counts = Array.from({ length: limit }, () => 0);
      for (let i = 0; i < draws; i++) {
        const number = drawZipf(random, limit);
        counts[number] = (counts[number] ?? Number.NaN) + 1;
      }
      const harmonic = counts.reduce((sum, _, i) => sum + 1 / (i + 1), 0);
      for (const [i, count] of counts.entries()) {
        const expected = draws / (i + 1) / harmonic;
        // Five standard deviations of a count.
        assert.ok(
          Math.abs(count - expected) <= 5 * Math.sqrt(expected),
          `${i} of ${limit}: ${count}`,
        );
      }
    }
  });
});

describe("pairViewing", () => {
  it("never pairs a viewer with the same video twice, however many videos there are", () => {
    const settings = fc.record({
      seed: fc.string(),
      views: fc.integer({ min: 1, max: 2_000 }),
      growth: fc.double({ min: 0, max: 1, noNaN: true }),
    });
    fc.assert(
      fc.property(settings, ({ seed, views, growth }) => {
        const random = seededRandom(seed, "pairs");
        const { catalogue } = planCatalogue(views, growth > 0);
        const videos = Math.max(catalogue, Math.floor(views * growth));
        const pairs = new Set<string>();
        for (let ordinal = 0; ordinal < views; ordinal++) {
          const reach = Math.max(catalogue, Math.floor(ordinal * growth));
          const { viewer, video } = pairViewing({ seed, ordinal, reach, videos, random });
          assert.ok(video >= 0 && video < reach, `video ${video} of ${reach}`);
          pairs.add(`${viewer}/${video}`);
        }
        assert.equal(pairs.size, views);
      }),
      { numRuns: 20 },
    );
  });

  it("makes videos popular by Zipf's law, and some viewers busier than others", () => {
    const random = seededRandom("seed", "popularity");
    const views = 29_000;
    const videos = new Map<number, number>();
    const viewers = new Map<number, number>();
    for (let ordinal = 0; ordinal < views; ordinal++) {
      const pair = pairViewing({ seed: "seed", ordinal, reach: 1_000, videos: 1_000, random });
      videos.set(pair.video, (videos.get(pair.video) ?? 0) + 1);
      viewers.set(pair.viewer, (viewers.get(pair.viewer) ?? 0) + 1);
    }
    // Nobody watches a video twice, which takes from the very top and gives to the rest.
    const share = (from: number, to: number) => {
      let sum = 0;
      for (let i = from; i < to; i++) sum += videos.get(i) ?? 0;
      return sum / views;
    };
    assert.ok(share(0, 1) > 0.06 && share(0, 1) < 0.14, `the first has ${share(0, 1)}`);
    assert.ok(share(0, 10) > 0.3 && share(0, 10) < 0.45, `the first ten have ${share(0, 10)}`);
    assert.ok(share(500, 1_000) < 0.13, `the last 500 have ${share(500, 1_000)}`);
    assert.equal(viewers.get(0), 32);
    assert.equal(viewers.get(1), 16);
    assert.equal(viewers.get(31), 8);
    assert.equal(viewers.size, 3_200);
  });
});

interface Example extends EventTemplate {
  readonly pubkey: string;
}

function readExample(name: string): Example {
  const url = new URL(`./fixtures/events/${name}.json`, import.meta.url);
  return JSON.parse(readFileSync(url, "utf8"));
}

/** The post that the example repost embeds. */
function signedPost(): NostrEvent {
  const { sig } = JSON.parse(readExample("repost16").content);
  return { id: postId, pubkey: author, sig, ...buildVideoPost(details) };
}
