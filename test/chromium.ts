/** A headless Chromium for tests, driven over its own protocol: no further package. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { WebSocket } from "ws";

const NAMES = ["chromium", "chromium-browser", "google-chrome", "chrome"];
/** Nothing of the browser's own asks the network for anything either. */
const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--hide-scrollbars",
  "--remote-debugging-port=0",
];

/** The command of a Chromium of this machine; `undefined` where there is none. */
export function findChromium(): string | undefined {
  return NAMES.find((name) => spawnSync(name, ["--version"]).status === 0);
}

/** A page that hangs ends with its browser. */
const MOST_MS = 60_000;

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: Readonly<Record<string, unknown>>;
  readonly result?: Readonly<Record<string, unknown>>;
  readonly error?: { readonly message: string };
}

/** One page of a Chromium of its own. */
export class Page {
  /** Addresses that were asked for, and what the page complained of. */
  readonly requests: string[] = [];
  readonly complaints: string[] = [];
  readonly #browser: ChildProcess;
  readonly #socket: WebSocket;
  readonly #profile: string;
  readonly #waiting = new Map<number, (message: Message) => void>();
  readonly #listeners = new Map<string, () => void>();
  #nextId = 1;

  private constructor(browser: ChildProcess, socket: WebSocket, profile: string) {
    this.#browser = browser;
    this.#socket = socket;
    this.#profile = profile;
    socket.on("close", () => {
      for (const answer of this.#waiting.values()) answer({ error: { message: "no Chromium" } });
    });
    socket.on("message", (data) => this.#take(JSON.parse(String(data)) as Message));
  }

  static async open(command: string): Promise<Page> {
    const profile = await mkdtemp(join(tmpdir(), "k6-nostr-chromium-"));
    const args = [...FLAGS, `--user-data-dir=${profile}`, "about:blank"];
    const browser = spawn(command, args, { stdio: ["ignore", "ignore", "pipe"], timeout: MOST_MS });
    const port = await readPort(browser);
    const targets = await fetch(`http://127.0.0.1:${port}/json/list`);
    const list = (await targets.json()) as { type: string; webSocketDebuggerUrl: string }[];
    const socket = new WebSocket(
      list.find(({ type }) => type === "page")?.webSocketDebuggerUrl ?? "",
    );
    await once(socket, "open");
    const page = new Page(browser, socket, profile);
    for (const domain of ["Page", "Network", "Runtime", "Log"]) await page.send(`${domain}.enable`);
    return page;
  }

  async send(
    method: string,
    params: Readonly<Record<string, unknown>> = {},
  ): Promise<Readonly<Record<string, unknown>>> {
    const id = this.#nextId++;
    const answered = new Promise<Message>((resolve) => this.#waiting.set(id, resolve));
    this.#socket.send(JSON.stringify({ id, method, params }));
    const { result, error } = await answered;
    if (error) throw new Error(`${method}: ${error.message}`);
    return result ?? {};
  }

  async load(url: string): Promise<void> {
    const loaded = new Promise<void>((resolve) =>
      this.#listeners.set("Page.loadEventFired", resolve),
    );
    await this.send("Page.navigate", { url });
    await loaded;
  }

  /** The value of an expression of the page, once a frame has been drawn. */
  async evaluate(expression: string): Promise<unknown> {
    const drawn = `new Promise((r) => requestAnimationFrame(() => setTimeout(() => r(${expression}))))`;
    const answer = await this.send("Runtime.evaluate", {
      expression: drawn,
      awaitPromise: true,
      returnByValue: true,
    });
    if (answer.exceptionDetails) throw new Error(JSON.stringify(answer.exceptionDetails));
    return (answer.result as { value?: unknown }).value;
  }

  async press(key: string): Promise<void> {
    await this.send("Input.dispatchKeyEvent", { type: "keyDown", key });
    await this.send("Input.dispatchKeyEvent", { type: "keyUp", key });
  }

  async close(): Promise<void> {
    const ended = once(this.#browser, "exit");
    this.#socket.terminate();
    this.#browser.kill();
    await ended;
    await rm(this.#profile, { recursive: true, force: true, maxRetries: 5 });
  }

  #take({ id, method, params, ...answer }: Message): void {
    if (id !== undefined) this.#waiting.get(id)?.(answer);
    if (method === "Network.requestWillBeSent") {
      this.requests.push(String((params?.request as { url?: string } | undefined)?.url));
    }
    if (method === "Runtime.exceptionThrown" || method === "Log.entryAdded") {
      this.complaints.push(JSON.stringify(params));
    }
    if (method !== undefined) this.#listeners.get(method)?.();
  }
}

/** Chromium says on standard error where its protocol is. */
async function readPort(browser: ChildProcess): Promise<string> {
  let log = "";
  for await (const piece of browser.stderr ?? []) {
    log += String(piece);
    const port = /ws:\/\/127\.0\.0\.1:(\d+)\//.exec(log)?.[1];
    if (port !== undefined) return port;
  }
  throw new Error(`Chromium ended before it listened: ${log}`);
}
