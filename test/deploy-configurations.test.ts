/** The configurations that `deploy/` ships take every event of every preset: age, size, tags. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { parseMix } from "../src/events/mix.ts";
import { presetNames } from "../src/events/presets.ts";
import type { NostrEvent } from "../src/nostr/wire.ts";
import { FRAMES_FILE, HEADER_LENGTH } from "../src/pool/format.ts";
import { DEFAULT_EPOCH } from "../src/pool/plan.ts";
import { read } from "./compose/promises.ts";
import { keepPool } from "./kept-pool.ts";

/** A year after a pool's fixed first day, an ephemeral event of it is still taken. */
const LEAST_AGE_SEC = 3 * 365 * 86_400;

interface Limits {
  readonly frameBytes?: string;
  readonly eventBytes?: string;
  readonly tags?: string;
  readonly tagBytes?: string;
  readonly ageSec?: string;
  readonly ephemeralAgeSec?: string;
}

/** Where each says what it takes; nostr-rs-relay refuses no age. */
const CONFIGURATIONS: Readonly<Record<string, Limits>> = {
  "strfry/strfry.conf": {
    frameBytes: "maxWebsocketPayloadSize",
    eventBytes: "maxEventSize",
    tags: "maxNumTags",
    tagBytes: "maxTagValSize",
    ageSec: "rejectEventsOlderThanSeconds",
    ephemeralAgeSec: "rejectEphemeralEventsOlderThanSeconds",
  },
  "nostr-rs-relay/config.toml": {
    frameBytes: "max_ws_frame_bytes",
    eventBytes: "max_event_bytes",
  },
  "rnostr/rnostr.toml": {
    frameBytes: "max_message_length",
    tags: "max_event_tags",
    ageSec: "max_event_time_older_than_now",
  },
};

const frames = new Map<string, readonly string[]>();
before(async () => {
  for (const name of presetNames) {
    const mix = parseMix(name);
    const pool = await keepPool({ seed: "presets", mix, events: 300, epoch: DEFAULT_EPOCH });
    const lines = (await readFile(join(pool, FRAMES_FILE), "utf8")).trimEnd().split("\n");
    frames.set(
      name,
      lines.map((line) => line.slice(HEADER_LENGTH)),
    );
  }
});

/** What a configuration says under a name; every name must be there. */
function numberOf(text: string, name: string | undefined, otherwise: number): number {
  if (name === undefined) return otherwise;
  const value = new RegExp(`^\\s*${name} = (\\d+)$`, "m").exec(text)?.[1];
  assert.ok(value !== undefined, `${name} is not there`);
  return Number(value);
}

function refusals(text: string, limits: Limits, frame: string): readonly string[] {
  const [, event] = JSON.parse(frame) as [string, NostrEvent];
  const of = (name: string | undefined) => numberOf(text, name, Number.POSITIVE_INFINITY);
  const isEphemeral = event.kind >= 20_000 && event.kind < 30_000;
  const ageSec = of(isEphemeral ? (limits.ephemeralAgeSec ?? limits.ageSec) : limits.ageSec);
  const longestTag = Math.max(0, ...event.tags.flat().map((text) => Buffer.byteLength(text)));
  return [
    ...(Buffer.byteLength(frame) > of(limits.frameBytes) ? ["frame"] : []),
    ...(Buffer.byteLength(JSON.stringify(event)) > of(limits.eventBytes) ? ["event"] : []),
    ...(event.tags.length > of(limits.tags) ? ["tags"] : []),
    ...(longestTag > of(limits.tagBytes) ? ["a tag"] : []),
    ...(ageSec < LEAST_AGE_SEC ? [`age of kind ${event.kind}`] : []),
  ];
}

describe("the shipped configuration", () => {
  for (const [file, limits] of Object.entries(CONFIGURATIONS)) {
    for (const name of presetNames) {
      it(`${file} takes every event of \`${name}\``, () => {
        const text = read(`deploy/relays/${file}`);
        const events = frames.get(name) ?? [];
        assert.ok(events.length >= 300);
        const refused = events.flatMap((frame) => refusals(text, limits, frame));
        assert.deepEqual([...new Set(refused)], []);
      });
    }
  }

  it("would be seen to refuse: an ephemeral age of 60 s as strfry's own, events to 50,000 bytes", () => {
    const shipped = read("deploy/relays/strfry/strfry.conf");
    const limits = CONFIGURATIONS["strfry/strfry.conf"] ?? {};
    const refusedBy = (from: RegExp, to: string, preset: string) => {
      const text = shipped.replace(from, to);
      assert.notEqual(text, shipped);
      return new Set((frames.get(preset) ?? []).flatMap((f) => refusals(text, limits, f)));
    };
    const ages = refusedBy(/(rejectEphemeral\w+ = )\d+/, "$160", "social");
    assert.ok([...ages].some((text) => text.startsWith("age of kind 2")));
    assert.deepEqual([...refusedBy(/(maxEventSize = )\d+/, "$150000", "worst-case")], ["event"]);
  });
});
