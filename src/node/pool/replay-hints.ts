/** What a file is that is no list of events, one a line, by how it begins; and what makes one of it. */
import { open } from "node:fs/promises";
import type { LeftOutReason } from "../../pool/left-out.ts";

const HEAD_BYTES = 65_536;

/** How known forms of files begin. */
const MAGIC: readonly (readonly [bytes: readonly number[], hint: string])[] = [
  [[0x1f, 0x8b], "the file is compressed with gzip: `gunzip -c FILE > events.jsonl`"],
  [[0x28, 0xb5, 0x2f, 0xfd], "the file is compressed with zstd: `zstd -dc FILE > events.jsonl`"],
  [[0xfd, 0x37, 0x7a, 0x58, 0x5a], "the file is compressed with xz: `xz -dc FILE > events.jsonl`"],
  [[0x42, 0x5a, 0x68], "the file is compressed with bzip2: `bzip2 -dc FILE > events.jsonl`"],
  [[0x50, 0x4b, 0x03, 0x04], "the file is a zip archive: `unzip -p FILE > events.jsonl`"],
  [[0x53, 0x51, 0x4c, 0x69, 0x74, 0x65], "the file is an SQLite database: export its events first"],
];

const ARRAY_HINT = "the file is one JSON array: `jq -c '.[]' FILE > events.jsonl`";

/** The first of a text's forms that fits. */
const FORMS: readonly (readonly [form: RegExp, hint: string])[] = [
  [/^\s*\[\s*"(?:EVENT|OK|EOSE|NOTICE|CLOSED|AUTH|REQ)"/, ""],
  [/^\s*\[\s*[[{]|^\s*\[\s*$/, ARRAY_HINT],
  [
    /^\s*(?:export\s+default\s+|(?:(?:export\s+)?(?:const|let|var)\s+)?[\w.$]+\s*[=:]\s*)[[{]/,
    "an assignment stands in front of the JSON: take out what precedes the first `[` or `{`, then `jq -c '.[]' FILE > events.jsonl`",
  ],
  [/^\s*\{\s*\r?\n/, "each event takes several lines: `jq -c . FILE > events.jsonl`"],
  [
    /^\s*\{\s*"(?:events|data|items|results|notes)"\s*:\s*\[/,
    "the events are in a list within one JSON object: `jq -c '.[][]' FILE > events.jsonl`",
  ],
  [
    /^\s*"?(?:event_?)?(?:id|pubkey|kind|created_at|content|tags|sig)"?\s*[,;\t|]/i,
    "the file is a table (CSV): export the events as JSON, one a line",
  ],
  [
    /^\s*[0-9a-f]{64}\s*[,;\t|]/i,
    "the file is a table (CSV): export the events as JSON, one a line",
  ],
  [/^\s*(?:COPY|INSERT|CREATE|SET|--)\s/i, "the file is a dump in SQL: export the events as JSON"],
  [
    /^\s*(?:nevent|note|naddr|npub)1/,
    "the file holds identifiers (NIP-19): fetch their events first",
  ],
];

/** What helps against what was met most. */
const REMEDIES: Partial<Readonly<Record<LeftOutReason, string>>> = {
  "trailing-comma": ARRAY_HINT,
  "several-events": "several events stand on one line: `jq -c . FILE > events.jsonl`",
  "doubled-backslashes":
    "an export doubled the backslashes: `sed 's/\\\\\\\\/\\\\/g' FILE > events.jsonl`",
  "too-old": "raise `created_at_lower_limit` on the relay under test",
  "too-new": "raise `created_at_upper_limit` on the relay under test, or set the clocks",
};

/** One line that says what the file is, or `null`. `most`: the reason that left out the most lines. */
export async function findHint(
  file: string,
  most: LeftOutReason | undefined,
): Promise<string | null> {
  const head = await readHead(file);
  return hintOf(head) ?? (most === undefined ? null : (REMEDIES[most] ?? null));
}

function hintOf(head: Buffer): string | null {
  const known = MAGIC.find(([bytes]) => bytes.every((byte, i) => head[i] === byte));
  if (known !== undefined) return known[1];
  if (isUtf16(head)) {
    return "the file is UTF-16: `iconv -f UTF-16 -t UTF-8 FILE > events.jsonl`";
  }
  const text = head.toString().replace(/^\ufeff/, "");
  return FORMS.find(([form]) => form.test(text))?.[1] || null;
}

/** By its mark, or by every other byte being 0. */
function isUtf16(head: Buffer): boolean {
  const mark = head.subarray(0, 2).toString("hex");
  if (mark === "fffe" || mark === "feff") return true;
  const start = head.subarray(0, 64);
  const zeros = start.filter((byte) => byte === 0).length;
  return start.length >= 4 && zeros >= start.length / 2 - 1 && zeros < start.length;
}

async function readHead(file: string): Promise<Buffer> {
  const handle = await open(file);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}
