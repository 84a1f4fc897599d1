/** Lines for a person: one that is rewritten on a terminal, plain lines now and then elsewhere. */

export interface Terminal {
  /** A line that stays. */
  note(text: string): void;
  /** A line that the next one replaces on a terminal; elsewhere at most one in `everyMs` is shown. */
  status(text: string): void;
  /** Ends the line under way. */
  clear(): void;
}

const PLAIN_EVERY_MS = 5_000;

/** Writes to stderr, so that stdout holds nothing but results. */
export function createTerminal(stream: NodeJS.WriteStream = process.stderr): Terminal {
  let open = false;
  let lastPlainMs = 0;
  const clear = () => {
    if (open) stream.write("\r\u001b[2K");
    open = false;
  };
  return {
    note(text) {
      clear();
      stream.write(`${text}\n`);
    },
    status(text) {
      if (stream.isTTY) {
        stream.write(`\r\u001b[2K${text.slice(0, (stream.columns ?? 80) - 1)}`);
        open = true;
        return;
      }
      const now = Date.now();
      if (now - lastPlainMs < PLAIN_EVERY_MS) return;
      lastPlainMs = now;
      stream.write(`${text}\n`);
    },
    clear,
  };
}
