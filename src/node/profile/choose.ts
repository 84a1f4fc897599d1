/** Which profiler the options ask for. */
import { readFile, stat } from "node:fs/promises";
import * as http from "node:http";
import { basename, dirname } from "node:path";
import { ConfigError } from "../../errors.ts";
import { type OptionTexts, optionLabel, readSwitch } from "../../plan/options.ts";
import type { Profile } from "../../report/types.ts";
import { admitSideUrl, type SideUrl } from "../companion/relay-metrics.ts";
import { readCpuProfile } from "./cpuprofile.ts";
import { readPerfScript } from "./perf-script.ts";
import { readPprof } from "./pprof.ts";
import type { Profiler } from "./profiler.ts";

/** A Go relay collects for so long at most; longer windows are profiled from their start. */
const MOST_PPROF_SEC = 60;
const PPROF_GRACE_MS = 10_000;
const MOST_BYTES = 64_000_000;
const PERF_DATA = "PERFILE2";
const PPROF_PATH = "/debug/pprof/profile";

/** `own`: of the relay that the caller started. Throws `ConfigError` for what can't be had. */
export async function chooseProfiler(
  texts: OptionTexts,
  own: Profiler | undefined,
): Promise<Profiler | undefined> {
  const isOwn = readSwitch(texts, "profile");
  const { pprof, profileFile } = texts;
  if (Number(isOwn) + Number(pprof !== undefined) + Number(profileFile !== undefined) > 1) {
    throw new ConfigError("one of --profile, --pprof and --profile-file is enough, got several");
  }
  if (isOwn && own === undefined) {
    throw new ConfigError(
      "--profile works with the relay that `k6-nostr demo` starts\nFor a relay of your own give --pprof URL (Go) or --profile-file FILE (.cpuprofile, `perf script`).",
    );
  }
  if (isOwn) return own;
  if (pprof !== undefined) {
    return pprofProfiler(await admitSideUrl(pprof, optionLabel("pprof"), []));
  }
  return profileFile === undefined ? undefined : await fileProfiler(profileFile);
}

/** The file may be written while the run goes on: it is read behind it. */
async function fileProfiler(path: string): Promise<Profiler> {
  const exists = async (what: string) =>
    await stat(what).then(
      () => true,
      () => false,
    );
  if (!(await exists(path)) && !(await exists(dirname(path)))) {
    throw new ConfigError(
      `${optionLabel("profileFile")} must be a file, or one that is written during the run, got \`${path}\``,
    );
  }
  return { begin: async () => {}, end: async () => await readProfileFile(path) };
}

/** Rejects with what is wrong with the file, without its path. */
export async function readProfileFile(path: string): Promise<Profile> {
  const data = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    throw new Error(`the profile can't be read (${error.code})`);
  });
  const name = basename(path);
  if (data.subarray(0, PERF_DATA.length).toString("latin1") === PERF_DATA) {
    throw new Error("it is perf's own data: give what `perf script` makes of it");
  }
  // Text has no zero bytes; pprof comes gzipped or bare.
  if (data[0] === 0x1f || data.includes(0)) return readPprof(data, name);
  const text = data.toString("utf8");
  if (!text.trimStart().startsWith("{")) return readPerfScript(text);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new Error("the profile is no whole JSON", { cause });
  }
  return readCpuProfile(value, "cpuprofile", name);
}

function pprofProfiler(at: SideUrl): Profiler {
  let answer: Promise<Buffer> | undefined;
  return {
    begin: async (seconds) => {
      const whole = Math.max(1, Math.min(MOST_PPROF_SEC, Math.floor(seconds)));
      answer = fetchProfile(at, whole);
      // Told by `end`, which waits for it too.
      answer.catch(() => {});
    },
    end: async () => {
      if (answer === undefined) throw new Error("the profile was not begun");
      return readPprof(await answer, at.url.label);
    },
  };
}

function fetchProfile({ url, address }: SideUrl, seconds: number): Promise<Buffer> {
  const path = url.path === "/" ? PPROF_PATH : url.path.replace(/\?.*/, "");
  const options: http.RequestOptions = {
    host: address,
    port: url.port,
    path: `${path}?seconds=${seconds}`,
    agent: false,
    signal: AbortSignal.timeout(seconds * 1_000 + PPROF_GRACE_MS),
  };
  return new Promise((resolve, reject) => {
    const fail = (why: string) => reject(new Error(`no profile from ${url.label}: ${why}`));
    const request = http.get(options, (response) => {
      if (response.statusCode !== 200) {
        response.destroy();
        fail(`HTTP status ${response.statusCode}`);
        return;
      }
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on("data", (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > MOST_BYTES) response.destroy(new Error("too large"));
        chunks.push(chunk);
      });
      response.on("end", () => resolve(Buffer.concat(chunks)));
      response.on("error", (error) => fail(error.message));
    });
    request.on("error", (error: NodeJS.ErrnoException) => fail(error.code ?? error.message));
  });
}
