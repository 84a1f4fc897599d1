import { chmod, mkdir, mkdtemp, readdir, rename, rm, stat } from "node:fs/promises";
import { dirname, join, posix, resolve, win32 } from "node:path";
import { ConfigError } from "../../errors.ts";
import { type Attempt, reasonOf, type Setup, SetupFailure } from "./attempt.ts";
import type { Environment } from "./environment.ts";
import { pinnedVersion, readK6Version } from "./version.ts";

const scratchPrefix = "setup-";

/**
 * The folder that holds what the kit gets once and keeps: `$K6_NOSTR_CACHE`, else the platform's
 * place for caches. Source: XDG Base Directory Specification.
 */
export function cacheDir(env: Environment, platform: NodeJS.Platform): string {
  const path = platform === "win32" ? win32 : posix;
  const own = env.K6_NOSTR_CACHE;
  if (own) return own;
  const xdg = env.XDG_CACHE_HOME;
  // The specification has relative paths ignored.
  const base = xdg && path.isAbsolute(xdg) ? xdg : platformCache(env, platform);
  if (base) return path.join(base, "k6-nostr");
  const home = platform === "win32" ? "LOCALAPPDATA" : "HOME";
  throw new ConfigError(`K6_NOSTR_CACHE must name a folder to keep k6 in, as \`${home}\` is unset`);
}

function platformCache(env: Environment, platform: NodeJS.Platform): string | undefined {
  if (platform === "win32") return env.LOCALAPPDATA;
  const folder = platform === "darwin" ? "Library/Caches" : ".cache";
  return env.HOME ? posix.join(env.HOME, folder) : undefined;
}

/** Takes the binary that an earlier setup left in the cache; deletes one that does not work. */
export async function tryCache(setup: Setup): Promise<Attempt> {
  try {
    const path = cachedBinary(setup);
    const before = await identify(path);
    if (before === undefined) return { status: "failed", reason: `none at \`${path}\`` };
    const fault = await findFault(path, setup);
    if (fault === undefined) return got(path, "cache");
    // Another setup may have put a good one in its place during the check.
    if ((await identify(path)) === before) await rm(path, { force: true });
    setup.onNote(`deleted \`${path}\`: it ${fault}`);
    return { status: "failed", reason: `the one at \`${path}\` ${fault}, and was deleted` };
  } catch (error) {
    return { status: "failed", reason: reasonOf(error) };
  }
}

/**
 * Has `make` write a k6 binary to a path in a folder of its own, runs it, and only then renames it
 * into the cache: setups at the same time never see each other's unfinished files, and a failure
 * leaves nothing.
 */
export async function installK6(
  setup: Setup,
  source: "release" | "go",
  make: (target: string) => Promise<void>,
): Promise<Attempt> {
  const path = cachedBinary(setup);
  await mkdir(dirname(path), { recursive: true });
  const cache = dirname(dirname(path));
  await removeLeftovers(cache);
  // Inside the cache, as a rename is atomic within one file system only.
  const scratch = await mkdtemp(join(cache, scratchPrefix));
  try {
    const made = join(scratch, binaryName(setup.platform));
    await make(made);
    await chmod(made, 0o755);
    const fault = await findFault(made, setup);
    if (fault !== undefined) throw new SetupFailure(`the k6 from there ${fault}`);
    await putInPlace(made, path, setup);
    return got(path, source);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** What setups that were interrupted left: one still at work is at most `limits.buildMs` old. */
async function removeLeftovers(cache: string): Promise<void> {
  const dayMs = 86_400_000;
  for (const name of await readdir(cache)) {
    if (!name.startsWith(scratchPrefix)) continue;
    const folder = join(cache, name);
    const { mtimeMs } = await stat(folder).catch(() => ({ mtimeMs: Number.NaN }));
    // Not a number once another setup has removed it first.
    if (Date.now() - mtimeMs > dayMs) await rm(folder, { recursive: true, force: true });
  }
}

async function putInPlace(made: string, path: string, setup: Setup): Promise<void> {
  try {
    await rename(made, path);
  } catch (error) {
    // Windows does not replace a file that is in use, which a good one from another setup may be.
    if ((await findFault(path, setup)) !== undefined) throw error;
  }
}

async function findFault(path: string, setup: Setup): Promise<string | undefined> {
  const answer = await readK6Version(path, setup.env, setup.limits.versionMs);
  if (answer.status === "failed") return answer.reason;
  if (answer.version.text === pinnedVersion) return undefined;
  return `is k6 v${answer.version.text}, not v${pinnedVersion}`;
}

async function identify(path: string): Promise<string | undefined> {
  try {
    const { ino, size, mtimeMs } = await stat(path);
    return `${ino} ${size} ${mtimeMs}`;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}

function cachedBinary({ env, platform }: Setup): string {
  return resolve(cacheDir(env, platform), `k6-v${pinnedVersion}`, binaryName(platform));
}

function binaryName(platform: NodeJS.Platform): string {
  return platform === "win32" ? "k6.exe" : "k6";
}

function got(path: string, source: "cache" | "release" | "go"): Attempt {
  return { status: "got", k6: { path, version: pinnedVersion, source } };
}
