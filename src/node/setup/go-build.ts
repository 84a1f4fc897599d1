import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { type Attempt, reasonOf, type Setup, SetupFailure } from "./attempt.ts";
import { installK6 } from "./cache.ts";
import { findOnPath, pickVariables } from "./environment.ts";
import { askVersion, pinnedVersion } from "./version.ts";

const moduleFolder = fileURLToPath(new URL("../../../build/k6/", import.meta.url));
// The first that can fetch the newer toolchain that k6's go.mod asks for.
const oldestGo = { major: 1, minor: 21 };

const goVariables = [
  ...["PATH", "HOME", "USERPROFILE", "LOCALAPPDATA", "APPDATA", "SystemRoot", "XDG_*"],
  ...["TMPDIR", "TEMP", "TMP", "GOPROXY", "GOFLAGS", "GOPATH", "GOCACHE", "GOMODCACHE"],
  ...["GOTOOLCHAIN", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR"],
];

/** Builds the official k6 module with the `go` on PATH, every dependency pinned by build/k6/go.sum. */
export async function tryGo(setup: Setup): Promise<Attempt> {
  const { onNote } = setup;
  try {
    const go = await findGo(setup);
    onNote(
      `building k6 v${pinnedVersion} from its Go module with ${go.version}; takes a minute or more`,
    );
    return await installK6(setup, "go", (target) => build(go.path, target, setup));
  } catch (error) {
    const reason = reasonOf(error);
    onNote(`not by a Go build: ${reason}`);
    return { status: "failed", reason };
  }
}

interface GoToolchain {
  readonly path: string;
  readonly version: string;
}

async function findGo({ env, platform, limits }: Setup): Promise<GoToolchain> {
  const [path] = await findOnPath("go", env, platform);
  if (path === undefined) throw new SetupFailure("there is no `go` on PATH");
  // `local`: asks the toolchain that is there, and does not have it fetch another to answer.
  const localEnv = { ...pickVariables(env, goVariables), GOTOOLCHAIN: "local", GOWORK: "off" };
  const answer = await askVersion(path, localEnv, limits.versionMs);
  if (answer.status === "failed") throw new SetupFailure(`\`${path}\` ${answer.reason}`);
  const match = /^go version (go(\d+)\.(\d+)\S*)/.exec(answer.text);
  const [, version = "", major = "0", minor = "0"] = match ?? [];
  const isOld = Number(major) === oldestGo.major && Number(minor) < oldestGo.minor;
  if (match === null || isOld) {
    const oldest = `${oldestGo.major}.${oldestGo.minor}`;
    throw new SetupFailure(
      `Go ${oldest} or later is needed, \`${path}\` answers \`${answer.text.trim().slice(0, 100)}\``,
    );
  }
  return { path, version };
}

async function build(go: string, target: string, setup: Setup): Promise<void> {
  const { env, limits, onNote } = setup;
  // A go.work above this checkout would override the pinned module.
  const goEnv = { ...pickVariables(env, goVariables), CGO_ENABLED: "0", GOWORK: "off" };
  const flags = ["-v", "-mod=readonly", "-trimpath", "-o", target];
  const child = spawn(go, ["build", ...flags, "go.k6.io/k6/v2"], {
    cwd: moduleFolder,
    env: goEnv,
    stdio: ["ignore", "ignore", "pipe"],
    timeout: limits.buildMs,
    killSignal: "SIGKILL",
    windowsHide: true,
  });
  const output = { downloads: 0, packages: 0, complaints: [] as string[] };
  createInterface({ input: child.stderr }).on("line", (line) => sortLine(line, output));
  const startMs = performance.now();
  const elapsedSec = () => Math.round((performance.now() - startMs) / 1_000);
  const notes = setInterval(() => {
    const { downloads, packages } = output;
    const fetched = downloads > 0 ? `, ${downloads} modules fetched` : "";
    onNote(`building k6: ${elapsedSec()} s${fetched}, ${packages} packages built`);
  }, limits.noteMs);
  try {
    const [code] = await once(child, "close");
    if (code === 0) return;
    const complaint = output.complaints.slice(-3).join("; ").slice(0, 500);
    throw new SetupFailure(
      child.killed
        ? `\`go build\` took longer than ${limits.buildMs / 1_000} s`
        : `\`go build\` ended with exit code ${code}: ${complaint || "it says nothing"}`,
    );
  } finally {
    clearInterval(notes);
  }
}

interface BuildOutput {
  downloads: number;
  packages: number;
  complaints: string[];
}

function sortLine(line: string, output: BuildOutput): void {
  if (line.startsWith("go: downloading ")) output.downloads++;
  // With -v, a package that was compiled is a line with its import path alone.
  else if (/^[\w.~/-]+$/.test(line)) output.packages++;
  else output.complaints.push(line.trim());
}
