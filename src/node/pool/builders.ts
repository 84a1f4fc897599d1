/** Loads a user's own builders: a module that is run in Node alone, when a pool is made. */
import { hash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { ConfigError } from "../../errors.ts";
import type { EventType } from "../../events/event-type.ts";
import { eventTypes } from "../../events/registry.ts";
import { TYPE_NAME } from "../../pool/format.ts";
import { type Builder, createBuiltType } from "./built-type.ts";

/** What a pool's request needs of a module of builders. */
export interface Builders {
  readonly extra: readonly EventType[];
  /** Of the module's text and of the `version` it exports. */
  readonly extraDigest: string;
  readonly module: string;
}

/**
 * Imports a module (a path or a `file:` URL) that exports `builders`, by that name or as the default.
 * Throws `ConfigError` that says what is wrong with the module.
 */
export async function loadBuilders(file: string): Promise<Builders> {
  const url = file.startsWith("file:") ? file : pathToFileURL(resolve(file)).href;
  const path = fileURLToPath(url);
  const text = await readFile(path, "utf8").catch((cause) => {
    throw new ConfigError(`there are no builders at \`${path}\`: it can't be read`, { cause });
  });
  const module = await importModule(url, path);
  const builders = module.builders ?? module.default;
  const version = module.version ?? "";
  if (typeof version !== "string") {
    throw new ConfigError(`\`${path}\` exports a \`version\` that is no text`);
  }
  return {
    extra: readBuilders(builders, path).map(([name, build]) => createBuiltType(name, build)),
    extraDigest: hash("sha256", JSON.stringify([text, version])),
    module: url,
  };
}

async function importModule(url: string, path: string): Promise<Record<string, unknown>> {
  try {
    return await import(url);
  } catch (cause) {
    const problem = cause instanceof Error ? cause.message : String(cause);
    throw new ConfigError(`the builders \`${path}\` can't be loaded: ${problem}`, { cause });
  }
}

function readBuilders(value: unknown, path: string): readonly (readonly [string, Builder])[] {
  const expected = `\`${path}\` must export \`builders\`, an object of functions by name`;
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    const what = value === undefined ? "nothing" : `\`${typeof value}\``;
    throw new ConfigError(`${expected}, got ${what}`);
  }
  const entries = Object.entries(value);
  if (entries.length === 0) throw new ConfigError(`${expected}, got an empty one`);
  return entries.map(([name, build]) => {
    if (typeof build !== "function") {
      throw new ConfigError(`${expected}, got \`${typeof build}\` for \`${name}\``);
    }
    if (!TYPE_NAME.test(name)) {
      throw new ConfigError(
        `the builder \`${name.slice(0, 60)}\` needs a name of 1 to 40 letters, digits, \`.\`, \`_\` or \`-\``,
      );
    }
    if (eventTypes.some((type) => type.name === name)) {
      throw new ConfigError(`the builder \`${name}\` has a built-in type's name; give it another`);
    }
    return [name, build as Builder];
  });
}
