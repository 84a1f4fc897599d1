/**
 * The relay's tables. `events.raw` is the event as it came, sent again unchanged. `tags` has no row
 * of its own beside its key, so that a tag filter reads one B-tree and joins by `seq`.
 * `deletions` outlives the events it names: what was deleted is refused when it comes again (NIP-09).
 * `texts` holds the words of `content` and no text of its own, under the event's `seq` (NIP-50).
 */
export const SCHEMA = `
CREATE TABLE IF NOT EXISTS events (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  pubkey TEXT NOT NULL,
  kind INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER,
  address TEXT,
  raw TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS events_by_time ON events (created_at DESC, id);
CREATE INDEX IF NOT EXISTS events_by_author ON events (pubkey, kind, created_at DESC, id);
CREATE INDEX IF NOT EXISTS events_by_kind ON events (kind, created_at DESC, id);
CREATE UNIQUE INDEX IF NOT EXISTS events_by_address ON events (address) WHERE address IS NOT NULL;
CREATE INDEX IF NOT EXISTS events_by_expiry ON events (expires_at) WHERE expires_at IS NOT NULL;
CREATE TABLE IF NOT EXISTS tags (
  letter TEXT NOT NULL,
  value TEXT NOT NULL,
  seq INTEGER NOT NULL,
  PRIMARY KEY (letter, value, seq)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS deletions (
  target TEXT NOT NULL,
  pubkey TEXT NOT NULL,
  until INTEGER NOT NULL,
  PRIMARY KEY (target, pubkey)
) WITHOUT ROWID;
CREATE VIRTUAL TABLE IF NOT EXISTS texts USING fts5(
  words, content = '', contentless_delete = 1, tokenize = "unicode61 remove_diacritics 0"
);
`;

const UNSAFE_IN_SQL = /[\0\u{D800}-\u{DFFF}]/u;

/**
 * The form in which free text is bound as a key. The binding ends a text at U+0000 and cannot carry
 * lone surrogates; both would make different values equal.
 */
export function toKeyText(text: string): string {
  return UNSAFE_IN_SQL.test(text) ? JSON.stringify(text) : text;
}
