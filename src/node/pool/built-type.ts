/**
 * A user's builder as an event type. What it returns is checked here, in the thread that signs, before
 * any of it is signed.
 */
import { inspect } from "node:util";
import { ConfigError } from "../../errors.ts";
import type { Author, BuildContext, Draft, EventType } from "../../events/event-type.ts";
import { MOST_EVENT_BYTES, MOST_PARTS } from "../../events/event-type.ts";
import { drawZipf } from "../../events/popularity.ts";
import { AUTH_KIND } from "../../nostr/auth.ts";
import type { EventTemplate } from "../../nostr/wire.ts";
import { type Random, seededRandom } from "../../random.ts";
import { areTags } from "./frame.ts";

/** What a builder is given: see docs/builders.md. */
interface BuilderContext {
  readonly seed: string;
  /** Which set of this builder it is, from 0, and how many there are in the pool. */
  readonly ordinal: number;
  readonly total: number;
  /** Unix seconds. */
  readonly created_at: number;
  /** From 0 up to 1, by the seed; of this set alone. */
  readonly random: Random;
  /** The public key of an author, viewer or session, by number. */
  readonly pubkey: (role: Author["role"], index: number) => string;
}

/** A template; several; or a generator that is handed each event with its id. Anything else is refused. */
export type Builder = (context: BuilderContext) => unknown;

/** Half of a character beyond U+FFFF: text that was cut within one. Relays read it as different texts. */
const LONE_SURROGATE = /\p{Surrogate}/u;
const ROLES: readonly string[] = ["author", "viewer", "session"];
const MOST_CREATED_AT = 2 ** 32 - 1;
const VANISH_KIND = 62;

export function createBuiltType(name: string, build: Builder): EventType {
  return {
    name,
    kinds: null,
    maxBytes: null,
    build: (context) => new SetBuilder(name, context).run(build),
    // The project knows no schema of it; form, id and signature are checked as for every type.
    check: () => null,
  };
}

class SetBuilder {
  readonly #name: string;
  readonly #context: BuildContext;
  readonly #authors = new Map<string, Author>();
  readonly #drafts: Draft[] = [];

  constructor(name: string, context: BuildContext) {
    this.#name = name;
    this.#context = context;
  }

  run(build: Builder): readonly Draft[] {
    const { scope, ordinal, total, createdAt, random } = this.#context;
    const returned = this.#call(() =>
      build({
        seed: scope.seed,
        ordinal,
        total,
        created_at: createdAt,
        random,
        pubkey: (role, index) => this.#publicKey(role, index),
      }),
    );
    if (isGenerator(returned)) this.#runGenerator(returned);
    else
      for (const template of Array.isArray(returned) ? returned : [returned]) this.#add(template);
    if (this.#drafts.length === 0) this.#fail("returned no event", returned);
    return this.#drafts;
  }

  #runGenerator(generator: Generator<unknown, unknown, unknown>): void {
    let step = this.#call(() => generator.next());
    while (!step.done) {
      const event = this.#add(step.value);
      step = this.#call(() => generator.next(event));
    }
    if (step.value !== undefined) this.#add(step.value);
  }

  /** Checks a template; gives it back with its public key and the id that it will have. */
  #add(value: unknown): object {
    const template = this.#readTemplate(value);
    const author = this.#authorOf(value);
    this.#drafts.push({ author, template });
    if (this.#drafts.length > MOST_PARTS)
      this.#fail(`returned more than ${MOST_PARTS} events`, value);
    const { publicKey, identify } = this.#context;
    // The builder may go on to change what it is given, as what it returned.
    const copy = structuredClone(template);
    return { ...copy, pubkey: publicKey(author), id: identify({ author, template }) };
  }

  #readTemplate(value: unknown): EventTemplate {
    if (isAsync(value)) {
      if (value instanceof Promise) value.catch(() => undefined);
      this.#fail("is async; it must return its events at once", value);
    }
    if (typeof value !== "object" || value === null) {
      return this.#fail("returned what is no event template", value);
    }
    const {
      kind,
      created_at = this.#context.createdAt,
      tags,
      content,
    } = value as Partial<EventTemplate>;
    if (!isWhole(kind, 65_535))
      this.#fail("returned a `kind` that is no number from 0 to 65535", kind);
    if (kind === VANISH_KIND || kind === AUTH_KIND) {
      this.#fail("returned a kind that a pool never holds", kind);
    }
    if (!isWhole(created_at, MOST_CREATED_AT)) {
      this.#fail("returned a `created_at` that is no Unix time in seconds", created_at);
    }
    if (!areTags(tags)) {
      return this.#fail("returned `tags` that are no list of lists of texts, none empty", tags);
    }
    if (typeof content !== "string") this.#fail("returned `content` that is no text", content);
    const cut = [...tags.flat(), content].find((text) => LONE_SURROGATE.test(text));
    if (cut !== undefined) this.#fail("returned a text that is cut within a character", cut);
    const bytes = Buffer.byteLength(JSON.stringify([tags, content]));
    if (bytes > MOST_EVENT_BYTES) {
      this.#fail(
        `returned an event of ${bytes} bytes, the signer takes ${MOST_EVENT_BYTES}`,
        content,
      );
    }
    return { kind, created_at, tags: structuredClone(tags), content };
  }

  /** By the public key in the template; without one, the same author for all of the set. */
  #authorOf(value: unknown): Author {
    const { pubkey } = value as { pubkey?: unknown };
    const { scope, ordinal } = this.#context;
    if (pubkey === undefined) {
      const random = seededRandom(scope.seed, `${this.#name}/${ordinal}/author`);
      return { role: "author", index: drawZipf(random, scope.authors) };
    }
    const author = this.#authors.get(String(pubkey));
    return author ?? this.#fail("returned a `pubkey` that `context.pubkey` did not give", pubkey);
  }

  #publicKey(role: Author["role"], index: number): string {
    if (!ROLES.includes(role)) this.#fail(`asked for a role that is not ${ROLES.join(", ")}`, role);
    if (!isWhole(index, 1e9)) this.#fail("asked for an index that is no whole number", index);
    const author = { role, index };
    const pubkey = this.#context.publicKey(author);
    this.#authors.set(pubkey, author);
    return pubkey;
  }

  #call<T>(action: () => T): T {
    try {
      return action();
    } catch (cause) {
      if (cause instanceof ConfigError) throw cause;
      const problem = cause instanceof Error ? cause.message : String(cause);
      throw new ConfigError(
        `the builder \`${this.#name}\` failed on set ${this.#context.ordinal}: ${problem}`,
        {
          cause,
        },
      );
    }
  }

  #fail(problem: string, value: unknown): never {
    const shown = inspect(value, { depth: 2, breakLength: Number.POSITIVE_INFINITY }).slice(0, 160);
    throw new ConfigError(
      `the builder \`${this.#name}\` ${problem}, on set ${this.#context.ordinal}: \`${shown}\``,
    );
  }
}

function isGenerator(value: unknown): value is Generator<unknown, unknown, unknown> {
  return Object.prototype.toString.call(value) === "[object Generator]";
}

/** A promise, or what an async generator returns. */
function isAsync(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  return "then" in value || Symbol.asyncIterator in value;
}

function isWhole(value: unknown, most: number): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= most;
}
