import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { gunzipSync, gzipSync } from "node:zlib";
import { chooseProfiler, readProfileFile } from "../src/node/profile/choose.ts";
import { readCpuProfile } from "../src/node/profile/cpuprofile.ts";
import { topFunctions } from "../src/node/profile/functions.ts";
import { readPerfScript } from "../src/node/profile/perf-script.ts";
import { readPprof } from "../src/node/profile/pprof.ts";
import { type Profiler, startProfile } from "../src/node/profile/profiler.ts";
import type { Profile } from "../src/report/types.ts";
import { sliceOf } from "./fixtures/reports/run.ts";

const NODE = '{"id":1,"callFrame":{"functionName":"f","url":"","lineNumber":0}}';
const FIXTURES = fileURLToPath(new URL("fixtures/profiles/", import.meta.url));
const run = promisify(execFile);

const PERF = `relay 4711 [001] 12.345678:     250000 cycles:
\t7f31aa secp256k1_ecmult+0x1f (/usr/lib/libsecp256k1.so.2)
\t55aa12 verify_event+0x40 (/usr/bin/relay)

relay 4711 [001] 12.345978:     250000 cycles:
\t7f31ab secp256k1_ecmult+0x2f (/usr/lib/libsecp256k1.so.2)

relay 4712 [000] 12.346678:     250000 cycles:
\tffffffff81 do_syscall_64+0x1 ([kernel.kallsyms])
`;

const share = (profile: Profile, name: RegExp) =>
  profile.functions.filter((f) => name.test(f.name)).reduce((sum, f) => sum + f.selfPercent, 0);

describe("profiles", () => {
  it("reads what Go wrote: the shares that `go tool pprof -top` gives", async () => {
    const profile = readPprof(await readFile(`${FIXTURES}go.pprof`), "relay");
    assert.equal(profile.source, "pprof");
    assert.equal(profile.functions[0]?.name, "crypto/internal/fips140/sha256.blockSHANI");
    assert.equal(profile.functions[0]?.selfPercent, 77.08);
    assert.equal(profile.functions[1]?.name, "main.countALittle");
    assert.equal(profile.functions[1]?.selfPercent, 14.58);
    assert.equal(profile.samples, 48);
  });

  it("reads what V8 wrote, without idle time", async () => {
    const text = await readFile(`${FIXTURES}node.cpuprofile`, "utf8");
    const profile = readCpuProfile(JSON.parse(text), "cpuprofile", "relay");
    assert.equal(profile.functions[0]?.name, "burnMost");
    assert.equal(profile.functions[0]?.file, "relay/src/burn.mjs:4");
    assert.ok(share(profile, /burnMost/) > share(profile, /burnSome/));
    assert.equal(share(profile, /idle/), 0);
    assert.ok(profile.functions.reduce((sum, f) => sum + f.selfPercent, 0) < 100.1);
  });

  it("reads the innermost frames of `perf script`", () => {
    const profile = readPerfScript(PERF);
    assert.equal(profile.process, "relay");
    assert.equal(profile.samples, 3);
    assert.deepEqual(profile.functions, [
      { name: "secp256k1_ecmult", file: "usr/lib/libsecp256k1.so.2", selfPercent: 66.67 },
      { name: "do_syscall_64", file: null, selfPercent: 33.33 },
    ]);
  });

  it("knows a process whose name holds spaces, and pprof that is not gzipped", async () => {
    const named = PERF.replaceAll(/^relay /gm, "my relay ");
    assert.equal(readPerfScript(named).process, "my relay");
    const dir = await mkdtemp(join(tmpdir(), "k6-nostr-profile-"));
    const path = join(dir, "p");
    const zipped = await readFile(`${FIXTURES}go.pprof`);
    await writeFile(path, gunzipSync(zipped));
    assert.deepEqual((await readProfileFile(path)).functions, readPprof(zipped, "p").functions);
    await rm(dir, { recursive: true });
  });

  it("leaves of a path its end", () => {
    const of = (file: string) => topFunctions([{ name: "f", file, weight: 1 }])[0]?.file;
    assert.equal(of("file:///home/me/relay/node_modules/ws/lib/sender.js:9"), "ws/lib/sender.js:9");
    assert.equal(of("/home/me/code/relay/src/store.go"), "relay/src/store.go");
  });

  it("says what is wrong with a file, whatever it holds", async () => {
    const dir = await mkdtemp(join(tmpdir(), "k6-nostr-profile-"));
    const path = join(dir, "p");
    const whole = await readFile(`${FIXTURES}go.pprof`);
    const files: readonly (readonly [string | Buffer, RegExp])[] = [
      ["", /no samples of `perf script`/],
      ["{", /no whole JSON/],
      ["{}", /`nodes` is missing/],
      ['{"nodes":[]}', /no samples/],
      ['{"nodes":[null]}', /a node has no function/],
      ['{"nodes":[{"id":1}]}', /a node has no function/],
      [`{"nodes":[${NODE}],"samples":5}`, /no samples/],
      [`{"nodes":[${NODE}],"samples":[1,1],"timeDeltas":["x","y"]}`, /no samples/],
      ["PERFILE2\0\0", /what `perf script` makes of it/],
      [gzipSync("no profile"), /cut off|no pprof/],
      [whole.subarray(0, 200), /./],
    ];
    for (const [content, problem] of files) {
      await writeFile(path, content);
      await assert.rejects(readProfileFile(path), problem);
    }
    await rm(dir, { recursive: true });
    await assert.rejects(readProfileFile(path), /ENOENT/);
  });

  it("reads a profile that a Go program writes now", async (t) => {
    const dir = await mkdtemp(join(tmpdir(), "k6-nostr-go-"));
    t.after(() => rm(dir, { recursive: true }));
    const binary = join(dir, "burn");
    const env = { ...process.env, GO111MODULE: "off", GOTOOLCHAIN: "local", GOFLAGS: "-trimpath" };
    try {
      await run("go", ["build", "-o", binary, `${FIXTURES}go/main.go`], { env });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
      t.skip("go is not there");
      return;
    }
    const { stdout } = await run(binary, [], { encoding: "buffer" });
    const profile = readPprof(stdout, "burn");
    assert.ok(share(profile, /sha256|hashMuch/) > share(profile, /countALittle/));
    assert.ok(share(profile, /countALittle/) > 0);
  });
});

describe("taking a profile", () => {
  it("asks a Go relay for the length of the window", async (t) => {
    const asked: string[] = [];
    const body = await readFile(`${FIXTURES}go.pprof`);
    const server = createServer((request, response) => {
      asked.push(request.url ?? "");
      response.end(body);
    });
    t.after(() => server.close());
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as { port: number };
    const profiler = await chooseProfiler({ pprof: `http://127.0.0.1:${port}` }, undefined);
    await profiler?.begin(7.9);
    const profile = await profiler?.end();
    assert.deepEqual(asked, ["/debug/pprof/profile?seconds=7"]);
    assert.equal(profile?.process, `127.0.0.1:${port}`);
    server.removeAllListeners("request");
    server.on("request", (_, response) => response.writeHead(404).end());
    await profiler?.begin(1);
    await assert.rejects(async () => await profiler?.end(), /HTTP status 404/);
  });

  it("refuses what can't be profiled before anything is sent", async () => {
    const refused: readonly (readonly [object, RegExp])[] = [
      [{ profile: "1" }, /relay that `k6-nostr demo` starts/],
      [{ pprof: "http://192.0.2.1:6060" }, /PPROF_URL \(--pprof\) refused `192\.0\.2\.1:6060`/],
      [{ pprof: "http://10.0.0.1:6060" }, /refused/],
      [{ pprof: "https://127.0.0.1:6060" }, /must be an `http:\/\/` URL/],
      [{ profileFile: "/nowhere/at/all" }, /must be a file/],
      [{ profile: "1", pprof: "http://127.0.0.1:1" }, /one of/],
    ];
    for (const [texts, problem] of refused) {
      await assert.rejects(chooseProfiler(texts, undefined), problem);
    }
    assert.equal(await chooseProfiler({}, undefined), undefined);
  });

  it("profiles a Node process that it started, without a port", async (t) => {
    const { profileChild } = await import("../src/node/profile/node-process.ts");
    const module = new URL("../src/node/profile/node-process.ts", import.meta.url).href;
    const code = `const { obeyProfiler } = await import(${JSON.stringify(module)});
      obeyProfiler();
      function burnHere() { let x = 0; for (let i = 0; i < 1e6; i++) x += Math.sqrt(i); return x; }
      let n = 0;
      setInterval(() => { burnHere(); if (++n % 20 === 0) console.log(n); }, 5);`;
    const child = spawn(process.execPath, ["--import", "tsx", "--input-type=module", "-e", code], {
      stdio: ["ignore", "pipe", "inherit", "ipc"],
    });
    t.after(() => child.kill());
    await once(child.stdout as NonNullable<typeof child.stdout>, "data");
    const profiler = profileChild(child, "relay");
    await profiler.begin(1);
    // What the child computes once is in the profile, so it is asked for what it did.
    await once(child.stdout as NonNullable<typeof child.stdout>, "data");
    const profile = await profiler.end();
    assert.equal(profile.source, "inspector");
    assert.ok(share(profile, /burnHere/) > 0, JSON.stringify(profile.functions));
  });

  it("begins with the window and ends behind it, and a failure is a note", async () => {
    const calls: string[] = [];
    const profile: Profile = { source: "perf", process: "p", samples: 1, functions: [] };
    const profiler: Profiler = {
      begin: async (seconds) => void calls.push(`begin ${seconds}`),
      end: async () => {
        calls.push("end");
        return profile;
      },
    };
    const running = startProfile(profiler, 9);
    for (const phase of ["connect", "warmup", "window", "window", "drain", "done"] as const) {
      running.observe(sliceOf({ phase }));
    }
    assert.deepEqual(await running.end(), { profile, problem: null });
    assert.deepEqual(calls, ["begin 9", "end"]);
    const none = startProfile(profiler, 9);
    assert.match((await none.end()).problem ?? "", /did not begin/);
    const broken = startProfile(
      { ...profiler, end: async () => Promise.reject(new Error("no")) },
      9,
    );
    broken.observe(sliceOf({ phase: "window" }));
    assert.deepEqual(await broken.end(), { profile: null, problem: "no" });
    assert.match((await startProfile(undefined, 9).end()).problem ?? "", /no --profile/);
  });
});
