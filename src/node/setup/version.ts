import { execFile } from "node:child_process";
import { type Environment, pickVariables } from "./environment.ts";

/** The k6 version that this kit gets when there is none, and the oldest that it accepts. */
export const pinnedVersion = "2.2.0";

/** A version as k6 prints it, without the `v`. */
interface K6Version {
  readonly text: string;
  readonly major: number;
  readonly minor: number;
  readonly patch: number;
  readonly preRelease: boolean;
}

/** What running a program with `version` came to. */
type VersionAnswer =
  | { readonly status: "answered"; readonly text: string }
  | { readonly status: "failed"; readonly reason: string };

/** Reads the output of `k6 version`, such as `k6 v2.2.0 (go1.26.5, linux/amd64)`. */
export function parseK6Version(text: string): K6Version | undefined {
  const match =
    /^k6(?:\.exe)? v((\d+)\.(\d+)\.(\d+)(-[\dA-Za-z.-]+)?)(?:\+[\dA-Za-z.-]+)?(?=\s|$)/m.exec(text);
  if (match === null) return undefined;
  const [, version = "", major, minor, patch, preRelease] = match;
  return {
    text: version,
    major: Number(major),
    minor: Number(minor),
    patch: Number(patch),
    preRelease: preRelease !== undefined,
  };
}

/** Whether the kit works with this version: 2.2.0 or later, before 3. */
export function isSupported(version: K6Version): boolean {
  if (version.major !== 2 || version.minor < 2) return false;
  return version.minor > 2 || version.patch > 0 || !version.preRelease;
}

/**
 * The version of the k6 binary at `path`, found by running it; `reason` completes a sentence that
 * begins with the binary ("it ...").
 */
export async function readK6Version(
  path: string,
  env: Environment,
  timeoutMs: number,
): Promise<
  | { readonly status: "answered"; readonly version: K6Version }
  | { readonly status: "failed"; readonly reason: string }
> {
  // Nothing of the user's K6_* settings: one of them could make a good binary look broken.
  const clean = pickVariables(env, ["PATH", "HOME", "USERPROFILE", "APPDATA", "SystemRoot"]);
  const answer = await askVersion(path, clean, timeoutMs);
  if (answer.status === "failed") return answer;
  const version = parseK6Version(answer.text);
  if (version !== undefined) return { status: "answered", version };
  const line = answer.text.split("\n", 1)[0]?.slice(0, 100) ?? "";
  return { status: "failed", reason: `answers \`${line}\`, which is no k6 version` };
}

/** Runs `<path> version` with exactly the given environment. */
export function askVersion(
  path: string,
  env: NodeJS.ProcessEnv,
  timeoutMs: number,
): Promise<VersionAnswer> {
  const options = { env, timeout: timeoutMs, killSignal: "SIGKILL", windowsHide: true } as const;
  return new Promise((resolve) => {
    execFile(path, ["version"], options, (error, stdout) => {
      if (error === null) return resolve({ status: "answered", text: stdout });
      const { code } = error;
      if (error.killed === true) {
        return resolve({ status: "failed", reason: `gives no answer in ${timeoutMs / 1_000} s` });
      }
      const reason = typeof code === "number" ? `ends with exit code ${code}` : "cannot be run";
      const detail = typeof code === "string" ? ` (${code})` : "";
      resolve({ status: "failed", reason: `${reason}${detail}` });
    });
  });
}
