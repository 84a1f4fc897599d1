/** The NIP-71 metadata that an author may give a video: renditions, text tracks, segments. */
import { type Random, randomInt } from "../random.ts";
import { capitalise, randomClause, randomHex } from "./text.ts";

/** One rendition of a video. */
export interface Variant {
  /** The file's name at the media host: `1080p.mp4`. */
  readonly file: string;
  readonly mime: string;
  readonly width: number;
  readonly height: number;
  /** Bits a second. */
  readonly bitrate: number;
  readonly sha256: string;
}

export interface Metadata {
  /** Unix seconds of the first version. */
  readonly publishedAt: number;
  readonly alt: string;
  readonly variants: readonly Variant[];
  readonly tracks: readonly { readonly type: string; readonly language: string }[];
  readonly segments: readonly {
    /** Seconds. */
    readonly start: number;
    readonly end: number;
    readonly title: string;
  }[];
  /** Hex public key of who takes part. */
  readonly participants: readonly string[];
  readonly references: readonly string[];
}

const LADDER: readonly Omit<Variant, "sha256">[] = [
  { file: "2160p.mp4", mime: "video/mp4", width: 3840, height: 2160, bitrate: 16_000_000 },
  { file: "1080p.mp4", mime: "video/mp4", width: 1920, height: 1080, bitrate: 6_000_000 },
  { file: "720p.mp4", mime: "video/mp4", width: 1280, height: 720, bitrate: 3_000_000 },
  { file: "480p.mp4", mime: "video/mp4", width: 854, height: 480, bitrate: 1_200_000 },
  { file: "360p.webm", mime: "video/webm", width: 640, height: 360, bitrate: 700_000 },
  { file: "hls.m3u8", mime: "application/x-mpegurl", width: 1920, height: 1080, bitrate: 6e6 },
];
const TRACKS = [
  { type: "captions", language: "en" },
  { type: "captions", language: "es" },
  { type: "subtitles", language: "de" },
  { type: "chapters", language: "en" },
] as const;
const SEGMENTS = 4;

export interface MetadataInput {
  readonly random: Random;
  readonly participant: string;
  /** Taller than wide. */
  readonly short: boolean;
  /** Seconds. */
  readonly duration: number;
  readonly publishedAt: number;
}

/** Makes metadata up: 6 variants, 4 text tracks, 4 segments. */
export function planMetadata(input: MetadataInput): Metadata {
  const { random, participant, short, duration, publishedAt } = input;
  const cuts = [0, 0.06, 0.4, 0.7, 1].map((share) => Math.round(share * duration * 100) / 100);
  return {
    publishedAt,
    alt: capitalise(randomClause(random)),
    variants: LADDER.map(({ width, height, ...rest }) => ({
      ...rest,
      ...(short ? { width: height, height: width } : { width, height }),
      sha256: randomHex(random, 64),
    })),
    tracks: TRACKS,
    segments: Array.from({ length: SEGMENTS }, (_, i) => ({
      start: cuts[i] ?? 0,
      end: cuts[i + 1] ?? duration,
      title: capitalise(randomClause(random)),
    })),
    participants: [participant],
    references: [`https://example.com/parts/${randomInt(random, 1e6)}`],
  };
}
