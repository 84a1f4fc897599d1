import { ConfigError } from "../../errors.ts";
import type { Environment } from "./environment.ts";

/** A k6 binary that was run and answered with a version this kit supports. `path` is absolute. */
export interface K6Binary {
  readonly path: string;
  readonly version: string;
  readonly source: "path" | "cache" | "release" | "go";
}

/** What one way of getting k6 came to: the binary, or why not, in words for a person. */
export type Attempt =
  | { readonly status: "got"; readonly k6: K6Binary }
  | { readonly status: "failed"; readonly reason: string };

/** How long each step may take. */
export interface SetupLimits {
  /** One `k6 version` or `go version`. */
  readonly versionMs: number;
  /** A download without a byte arriving, the connection included. */
  readonly stallMs: number;
  readonly downloadMs: number;
  readonly buildMs: number;
  /** Between two progress notes. */
  readonly noteMs: number;
}

/** An archive of a k6 release: its file name, and the SHA-256 of its bytes in hex. */
export interface ReleaseAsset {
  readonly file: string;
  readonly sha256: string;
}

/** Where release archives come from; `assets` is keyed by `<process.platform>-<process.arch>`. */
export interface ReleaseSource {
  /** Ends in `/`; the file name is appended. */
  readonly baseUrl: string;
  readonly assets: Readonly<Record<string, ReleaseAsset>>;
}

/** All that a way of getting k6 may depend on. */
export interface Setup {
  readonly env: Environment;
  readonly platform: NodeJS.Platform;
  readonly arch: string;
  readonly release: ReleaseSource;
  readonly limits: SetupLimits;
  readonly onNote: (line: string) => void;
}

/** A step that could not be done here, for a reason that a person can act on. */
export class SetupFailure extends Error {
  override readonly name = "SetupFailure";
}

/**
 * The reason in an error that this machine or the network brought about.
 * Anything else is a fault of ours and is thrown on.
 */
export function reasonOf(error: unknown): string {
  const expected =
    error instanceof SetupFailure || error instanceof ConfigError || isSystemError(error);
  if (!expected) throw error;
  return error.message;
}

function isSystemError(error: unknown): error is Error & { readonly code: string } {
  return (
    error instanceof Error &&
    "code" in error &&
    typeof error.code === "string" &&
    "syscall" in error
  );
}
