/**
 * The API of a cluster, through `kubectl proxy`: kubectl knows where it is and who asks, and no library of its own is
 * needed. One process for all pods, and a socket in a folder that only this user may enter, where a port would lend
 * the user's rights to everybody on this machine.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { type IncomingMessage, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConfigError } from "../../errors.ts";

/** What the API says of a call that failed: a `Status` (meta/v1). */
export class ApiError extends ConfigError {
  readonly code: number;

  constructor(code: number, text: string) {
    super(`the cluster says: ${text}`);
    this.code = code;
  }
}

/** What is asked of a cluster. */
export type Cluster = Pick<Api, "namespace" | "ask" | "lines">;

export type Method = "GET" | "POST" | "DELETE";

export class Api {
  readonly namespace: string;
  readonly #proxy: ChildProcess;
  readonly #dir: string;

  private constructor(namespace: string, proxy: ChildProcess, dir: string) {
    this.namespace = namespace;
    this.#proxy = proxy;
    this.#dir = dir;
  }

  /** As kubectl is set up, in its own namespace unless one is named. Throws `ConfigError`. */
  static async open(namespace: string | undefined): Promise<Api> {
    const own = ["config", "view", "--minify", "--output=jsonpath={..namespace}"];
    const chosen = namespace ?? ((await runKubectl(own)).trim() || "default");
    const dir = await mkdtemp(join(tmpdir(), "k6-nostr-kubernetes-"));
    const proxy = spawn("kubectl", ["proxy", `--unix-socket=${join(dir, "api")}`], {
      stdio: ["ignore", "pipe", "pipe"],
      // Ctrl-C reaches this process alone, which has logs to read still.
      detached: true,
    });
    const api = new Api(chosen, proxy, dir);
    try {
      await api.#serves();
      return api;
    } catch (error) {
      await api.close();
      throw error;
    }
  }

  /** What the API answers. Throws `ApiError`. */
  async ask<T>(method: Method, path: string, body?: object): Promise<T> {
    const response = await this.#send(method, path, body);
    return JSON.parse(await textOf(response)) as T;
  }

  /** Each line of an answer, to its end, however long that takes. Throws `ApiError`, and what a socket throws. */
  async lines(path: string, onLine: (line: string) => void, signal: AbortSignal): Promise<void> {
    const response = await this.#send("GET", path, undefined, signal);
    response.setEncoding("utf8");
    let rest = "";
    for await (const piece of response) {
      const lines = (rest + piece).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) onLine(line);
    }
    if (rest !== "") onLine(rest);
  }

  async close(): Promise<void> {
    this.#proxy.kill();
    await rm(this.#dir, { recursive: true, force: true });
  }

  async #serves(): Promise<void> {
    const { stdout, stderr } = this.#proxy;
    let words = "";
    stderr?.on("data", (data) => {
      words += data;
    });
    await new Promise<void>((resolve, reject) => {
      const fail = (text: string) => reject(new ConfigError(`\`kubectl proxy\`: ${text}`));
      this.#proxy.on("error", (error: NodeJS.ErrnoException) => reject(unstartable(error)));
      this.#proxy.on("close", (code) => fail(lastLine(words) || `ended with code ${code}`));
      stdout?.on("data", (data: Buffer) => {
        if (String(data).includes("Starting to serve")) resolve();
      });
    });
  }

  async #send(
    method: Method,
    path: string,
    body?: object,
    signal?: AbortSignal,
  ): Promise<IncomingMessage> {
    const asked = request({
      ...{ method, path, socketPath: join(this.#dir, "api") },
      headers: { Accept: "application/json, */*", "Content-Type": "application/json" },
      ...(signal === undefined ? {} : { signal }),
    });
    asked.end(body === undefined ? undefined : JSON.stringify(body));
    const [response] = (await once(asked, "response")) as [IncomingMessage];
    const { statusCode = 0 } = response;
    if (statusCode < 300) return response;
    throw new ApiError(statusCode, messageOf(await textOf(response)));
  }
}

async function textOf(response: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of response) pieces.push(piece as Buffer);
  return Buffer.concat(pieces).toString();
}

/** One line, whatever came. */
function messageOf(text: string): string {
  let message = text;
  try {
    message = (JSON.parse(text) as { readonly message?: string }).message ?? text;
  } catch {
    // The proxy's own words, where it did not reach the cluster.
  }
  return message.trim().replace(/\s+/g, " ").slice(0, 400) || "nothing";
}

async function runKubectl(args: readonly string[]): Promise<string> {
  const child = spawn("kubectl", args, { stdio: ["ignore", "pipe", "pipe"] });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (data) => {
    stdout += data;
  });
  child.stderr.on("data", (data) => {
    stderr += data;
  });
  const [code] = await new Promise<[number | null]>((resolve, reject) => {
    child.on("error", (error: NodeJS.ErrnoException) => reject(unstartable(error)));
    child.on("close", (ended) => resolve([ended]));
  });
  if (code === 0) return stdout;
  throw new ConfigError(`\`kubectl ${args[0]}\`: ${lastLine(stderr) || `code ${code}`}`);
}

function unstartable(error: NodeJS.ErrnoException): ConfigError {
  return new ConfigError(
    error.code === "ENOENT"
      ? "`kubectl` is not on PATH, and what asks a cluster goes through it"
      : `\`kubectl\` can't be started (${error.code})`,
    { cause: error },
  );
}

function lastLine(text: string): string {
  return text.trim().split("\n").at(-1) ?? "";
}
