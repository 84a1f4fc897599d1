import { createWriteStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { SetupFailure } from "./attempt.ts";

/** Bounds of one download, and where its progress goes. */
interface DownloadOptions {
  readonly stallMs: number;
  readonly downloadMs: number;
  readonly noteMs: number;
  readonly maxBytes: number;
  readonly onNote: (line: string) => void;
}

const maxRedirects = 5;

/**
 * Writes what `url` serves to the new file `path`. Redirects are followed to https, or within the
 * origin of `url`. Throws `SetupFailure` that says what went wrong; the file may then be unfinished.
 */
export async function download(url: URL, path: string, options: DownloadOptions): Promise<void> {
  const progress: Progress = { bytes: 0, totalBytes: 0 };
  const watch = startWatch(url.host, progress, options);
  try {
    const response = await followRedirects(url, watch.signal);
    progress.totalBytes = Number(response.headers.get("content-length") ?? 0);
    if (response.body === null) throw new SetupFailure(`${url.host} sent an empty answer`);
    const count = async function* (chunks: AsyncIterable<Uint8Array>) {
      for await (const chunk of chunks) {
        progress.bytes += chunk.length;
        watch.onChunk();
        yield chunk;
      }
    };
    await pipeline(response.body, count, createWriteStream(path, { flags: "wx" }));
  } catch (error) {
    watch.signal.throwIfAborted();
    // undici reports whatever ends a body early as a TypeError; nothing else here throws one.
    if (!(error instanceof TypeError)) throw error;
    const reason = `the download was cut off after ${describe(progress)}`;
    throw new SetupFailure(reason, { cause: error });
  } finally {
    watch.end();
  }
}

interface Progress {
  bytes: number;
  totalBytes: number;
}

/** Tells of the progress, and aborts `signal` with a `SetupFailure` when a bound is passed. */
function startWatch(host: string, progress: Progress, options: DownloadOptions) {
  const { downloadMs, stallMs, noteMs, maxBytes, onNote } = options;
  const controller = new AbortController();
  const stop = (reason: string) => controller.abort(new SetupFailure(reason));
  const deadline = setTimeout(
    () => stop(`the download took longer than ${downloadMs / 1_000} s`),
    downloadMs,
  );
  const stall = setTimeout(() => stop(`${host} sent nothing for ${stallMs / 1_000} s`), stallMs);
  const notes = setInterval(() => onNote(`downloaded ${describe(progress)}`), noteMs);
  return {
    signal: controller.signal,
    onChunk: () => {
      stall.refresh();
      if (progress.bytes > maxBytes) stop(`it is larger than ${megabytes(maxBytes)}`);
      controller.signal.throwIfAborted();
    },
    end: () => {
      clearTimeout(deadline);
      clearTimeout(stall);
      clearInterval(notes);
    },
  };
}

async function followRedirects(first: URL, signal: AbortSignal): Promise<Response> {
  let url = first;
  for (let hop = 0; hop <= maxRedirects; hop++) {
    const response = await request(url, signal);
    if (response.status === 200) return response;
    await response.body?.cancel();
    const location = response.headers.get("location");
    if (response.status < 300 || response.status > 399 || location === null) {
      throw new SetupFailure(`${url.host} answered with HTTP status ${response.status}`);
    }
    if (!URL.canParse(location, url.href)) {
      throw new SetupFailure(`redirected to \`${location}\`, which is no URL`);
    }
    url = new URL(location, url);
    if (url.protocol !== "https:" && url.origin !== first.origin) {
      throw new SetupFailure(`redirected to \`${url.origin}\`, which is not https`);
    }
  }
  throw new SetupFailure(`redirected more than ${maxRedirects} times`);
}

async function request(url: URL, signal: AbortSignal): Promise<Response> {
  try {
    // Identity: an encoding undone on the way would change the bytes that the digest is of.
    const headers = { "accept-encoding": "identity" };
    return await fetch(url, { redirect: "manual", signal, headers });
  } catch (error) {
    signal.throwIfAborted();
    throw new SetupFailure(`${url.host} cannot be reached${describeCause(error)}`, {
      cause: error,
    });
  }
}

function describeCause(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  if (!(cause instanceof Error)) return "";
  return ` (${"code" in cause ? String(cause.code) : cause.message})`;
}

function describe(progress: Readonly<Progress>): string {
  const total = progress.totalBytes > 0 ? ` of ${megabytes(progress.totalBytes)}` : "";
  return `${megabytes(progress.bytes)}${total}`;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1_000_000).toFixed(1)} MB`;
}
