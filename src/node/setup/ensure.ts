import { ConfigError } from "../../errors.ts";
import type { Attempt, K6Binary, ReleaseSource, Setup, SetupLimits } from "./attempt.ts";
import { tryCache } from "./cache.ts";
import { type Environment, findOnPath } from "./environment.ts";
import { tryGo } from "./go-build.ts";
import { officialRelease, tryRelease } from "./release.ts";
import { isSupported, pinnedVersion, readK6Version } from "./version.ts";

/** What `ensureK6` needs to know; all but the first two are for tests. */
export interface EnsureK6Options {
  /** `process.env`; `PATH`, the cache folder and Go's settings are read from it. */
  readonly env: Environment;
  /** Is given lines for a person: what is being done, what was skipped and why. */
  readonly onNote: (line: string) => void;
  readonly platform?: NodeJS.Platform;
  readonly arch?: string;
  readonly release?: ReleaseSource;
  readonly limits?: Partial<SetupLimits>;
}

const defaultLimits: SetupLimits = {
  versionMs: 20_000,
  stallMs: 30_000,
  downloadMs: 600_000,
  buildMs: 1_800_000,
  noteMs: 10_000,
};

const installPage = "https://grafana.com/docs/k6/latest/set-up/install-k6/";
const needed = `k6 ${pinnedVersion} or a later 2.x`;

/** A k6 that is on this machine already, on PATH or in the cache; says nothing and gets nothing. */
export async function findK6(env: Environment): Promise<K6Binary | null> {
  const setup = setupOf({ env, onNote: () => {} });
  for (const attempt of [tryPath, tryCache]) {
    const outcome = await attempt(setup);
    if (outcome.status === "got") return outcome.k6;
  }
  return null;
}

function setupOf(options: EnsureK6Options): Setup {
  return {
    platform: process.platform,
    arch: process.arch,
    release: officialRelease,
    ...options,
    limits: { ...defaultLimits, ...options.limits },
  };
}

/**
 * A k6 binary that works: the one on PATH, else the cached one, else the official release checked
 * against a pinned digest, else a Go build of the official module. Throws a `ConfigError` that
 * lists what was tried and why it did not do.
 */
export async function ensureK6(options: EnsureK6Options): Promise<K6Binary> {
  const setup = setupOf(options);
  const ways = [
    ["on PATH", tryPath],
    ["in the cache", tryCache],
    ["official release", tryRelease],
    ["Go build", tryGo],
  ] as const;
  const tried: string[] = [];
  for (const [name, attempt] of ways) {
    const outcome = await attempt(setup);
    if (outcome.status === "got") return outcome.k6;
    tried.push(`  ${name}: ${outcome.reason}`);
  }
  throw new ConfigError(
    `${needed} is needed, and there was no way to get it:\n${tried.join("\n")}\n` +
      `Install it (${installPage}), put it on PATH, and try again.`,
  );
}

async function tryPath({ env, platform, limits, onNote }: Setup): Promise<Attempt> {
  const faults: string[] = [];
  for (const path of await findOnPath("k6", env, platform)) {
    const answer = await readK6Version(path, env, limits.versionMs);
    if (answer.status === "answered" && isSupported(answer.version)) {
      return { status: "got", k6: { path, version: answer.version.text, source: "path" } };
    }
    const fault =
      answer.status === "failed"
        ? answer.reason
        : `is k6 v${answer.version.text}, and ${needed} is needed`;
    onNote(`skipped \`${path}\`: it ${fault}`);
    faults.push(`\`${path}\` ${fault}`);
  }
  return { status: "failed", reason: faults.join("; ") || "not found" };
}
