import assert from "node:assert/strict";
import { mkdir, readFile, utimes, writeFile } from "node:fs/promises";
import type { RequestListener } from "node:http";
import { join } from "node:path";
import { describe, it } from "node:test";
import { ConfigError } from "../src/errors.ts";
import { cacheDir } from "../src/node/setup/cache.ts";
import { download } from "../src/node/setup/download.ts";
import { officialRelease } from "../src/node/setup/release.ts";
import { isSupported, parseK6Version } from "../src/node/setup/version.ts";
import { asset, prepare, serve, tarGz, zip } from "./setup-bench.ts";

const goodK6 = "#!/bin/sh\necho 'k6 v2.2.0 (go1.26.5, linux/amd64)'\n";
// Waits for an input that never ends, with no child that would outlive it.
const hangingK6 = "#!/bin/sh\nread line\n";
const member = "k6-v2.2.0-linux-amd64/k6";
// The stand-ins for k6 and go are shell scripts.
const posixOnly = { skip: process.platform === "win32" };

describe("k6 versions", () => {
  const table: readonly (readonly [string, string | undefined, boolean])[] = [
    ["k6 v2.2.0 (commit/00a9a1b7f5, go1.26.5, linux/amd64)", "2.2.0", true],
    ["k6.exe v2.2.0 (commit/00a9a1b7f5, go1.26.5, windows/amd64)", "2.2.0", true],
    ["k6 v2.2.0", "2.2.0", true],
    ["k6 v2.10.3 (devel)\nExtensions:\n  github.com/x/y v1.0.0", "2.10.3", true],
    ["k6 v2.2.0+local (go1.26)", "2.2.0", true],
    ["k6 v2.2.1-rc.1 (go1.26)", "2.2.1-rc.1", true],
    ["k6 v2.2.0-rc.1 (go1.26)", "2.2.0-rc.1", false],
    ["k6 v2.1.9 (go1.26)", "2.1.9", false],
    ["k6 v1.99.0 (go1.26)", "1.99.0", false],
    ["k6 v3.0.0 (go1.26)", "3.0.0", false],
    ["k6 v2.2", undefined, false],
    ["k6 2.2.0", undefined, false],
    ["k6 v2.2.0oops", undefined, false],
    ["other v2.2.0", undefined, false],
    ["", undefined, false],
  ];
  for (const [text, expected, supported] of table) {
    it(`reads \`${text.split("\n", 1)[0]}\` as ${expected ?? "none"}`, () => {
      const version = parseK6Version(text);
      assert.equal(version?.text, expected);
      assert.equal(version !== undefined && isSupported(version), supported);
    });
  }
});

describe("the cache folder", () => {
  const table: readonly (readonly [NodeJS.Platform, Record<string, string>, string])[] = [
    ["linux", { HOME: "/h" }, "/h/.cache/k6-nostr"],
    ["linux", { HOME: "/h", XDG_CACHE_HOME: "/x" }, "/x/k6-nostr"],
    ["linux", { HOME: "/h", XDG_CACHE_HOME: "x" }, "/h/.cache/k6-nostr"],
    ["linux", { HOME: "/h", XDG_CACHE_HOME: "/x", K6_NOSTR_CACHE: "/own" }, "/own"],
    ["darwin", { HOME: "/h" }, "/h/Library/Caches/k6-nostr"],
    ["win32", { LOCALAPPDATA: "C:\\l" }, "C:\\l\\k6-nostr"],
  ];
  for (const [platform, env, expected] of table) {
    it(`is \`${expected}\` on ${platform} with ${JSON.stringify(env)}`, () => {
      assert.equal(cacheDir(env, platform), expected);
    });
  }
  it("is asked for when nothing names it", () => {
    assert.throws(() => cacheDir({}, "linux"), /K6_NOSTR_CACHE must name a folder.*`HOME`/);
  });
});

describe("k6 on PATH", posixOnly, () => {
  it("is taken when it is new enough, and nothing is cached", async (t) => {
    const bench = await prepare(t);
    const path = await bench.addProgram("k6", "#!/bin/sh\necho 'k6 v2.9.1 (x)'\n");
    const k6 = await bench.ensure();
    assert.deepEqual(k6, { path, version: "2.9.1", source: "path" });
    assert.deepEqual(await bench.cachedFiles(), []);
  });

  it("is run with none of the user's settings", async (t) => {
    const bench = await prepare(t);
    const script = `#!/bin/sh\n[ -n "$K6_VUS$SECRET" ] && exit 1\necho 'k6 v2.2.0'\n`;
    await bench.addProgram("k6", script);
    assert.equal((await bench.ensure({ K6_VUS: "1", SECRET: "s" })).source, "path");
  });

  const faults: readonly (readonly [string, string, RegExp])[] = [
    ["too old", "#!/bin/sh\necho 'k6 v1.4.0 (x)'\n", /is k6 v1\.4\.0, and k6 2\.2\.0 or a later 2/],
    ["too new", "#!/bin/sh\necho 'k6 v3.0.0 (x)'\n", /is k6 v3\.0\.0, and k6 2\.2\.0 or a later 2/],
    ["failing", "#!/bin/sh\nexit 3\n", /ends with exit code 3/],
    ["something else", "#!/bin/sh\necho hello\n", /answers `hello`, which is no k6 version/],
    ["not runnable", "#!/no/such/interpreter\n", /cannot be run \(ENOENT\)/],
    ["hanging", hangingK6, /gives no answer in 1\.5 s/],
  ];
  for (const [what, script, reason] of faults) {
    it(`is skipped with a note when ${what}, in favour of the cached one`, async (t) => {
      const bench = await prepare(t);
      await bench.addProgram("k6", script);
      const path = await bench.addCached(goodK6);
      const k6 = await bench.ensure({}, { limits: { versionMs: 1_500 } });
      assert.deepEqual(k6, { path, version: "2.2.0", source: "cache" });
      assert.match(bench.notes.join("\n"), reason);
    });
  }
});

describe("the release archive", posixOnly, () => {
  it("is fetched, checked, unpacked and kept for the next time", async (t) => {
    const bench = await prepare(t);
    const served = await serve(t, tarGz(member, goodK6));
    const k6 = await bench.ensure({}, { release: served.release });
    assert.equal(k6.source, "release");
    assert.deepEqual(await bench.cachedFiles(), ["k6-v2.2.0/k6"]);
    const again = await bench.ensure({}, { release: served.release });
    assert.deepEqual(again, { ...k6, source: "cache" });
    assert.deepEqual(served.paths, [`/${asset}`]);
  });

  it("may be a zip", async (t) => {
    const bench = await prepare(t);
    const file = "k6-v2.2.0-macos-arm64.zip";
    const archive = zip([
      ["k6-v2.2.0-macos-arm64/README", "not this"],
      ["k6-v2.2.0-macos-arm64/k6", goodK6],
    ]);
    const { release } = await serve(t, archive, undefined, file);
    const k6 = await bench.ensure({}, { release });
    assert.equal(await readFile(k6.path, "utf8"), goodK6);
  });

  it("replaces a cached one that is broken", async (t) => {
    for (const script of ["#!/bin/sh\nexit 1\n", "#!/bin/sh\necho 'k6 v2.3.0'\n"]) {
      const bench = await prepare(t);
      await bench.addCached(script);
      const { release } = await serve(t, tarGz(member, goodK6));
      assert.equal((await bench.ensure({}, { release })).source, "release");
      assert.match(
        bench.notes.join("\n"),
        /^deleted `.*`: it (ends with exit code 1|is k6 v2.3.0)/m,
      );
    }
  });

  it("is followed through a redirect within its origin", async (t) => {
    const bench = await prepare(t);
    const archive = tarGz(member, goodK6);
    const served = await serve(t, archive, (request, response) => {
      if (request.url === "/store") response.end(archive);
      else response.writeHead(302, { location: "/store" }).end();
    });
    assert.equal((await bench.ensure({}, { release: served.release })).source, "release");
    assert.deepEqual(served.paths, [`/${asset}`, "/store"]);
  });

  it("ends well for two setups at once", async (t) => {
    const bench = await prepare(t);
    const { release } = await serve(t, tarGz(member, goodK6));
    const both = await Promise.all([bench.ensure({}, { release }), bench.ensure({}, { release })]);
    for (const k6 of both) assert.equal(await readFile(k6.path, "utf8"), goodK6);
    assert.deepEqual(await bench.cachedFiles(), ["k6-v2.2.0/k6"]);
  });

  it("sweeps away what an interrupted setup left long ago, and only that", async (t) => {
    const bench = await prepare(t);
    const { release } = await serve(t, tarGz(member, goodK6));
    for (const name of ["setup-old", "setup-new"]) {
      await mkdir(join(bench.cache, name), { recursive: true });
      await writeFile(join(bench.cache, name, "part"), "");
    }
    await utimes(join(bench.cache, "setup-old"), 0, 0);
    await bench.ensure({}, { release });
    assert.deepEqual(await bench.cachedFiles(), ["k6-v2.2.0/k6", "setup-new/part"]);
  });

  const good = tarGz(member, goodK6);
  const faults: readonly (readonly [string, Buffer, RequestListener, RegExp])[] = [
    [
      "has another checksum",
      good,
      (_, response) => response.end(tarGz(member, "#!/bin/sh\nexit 0\n")),
      /its SHA-256 must be `[\da-f]{64}`, got `[\da-f]{64}`; it was deleted, not run/,
    ],
    [
      "is not there",
      good,
      (_, response) => response.writeHead(404).end("no"),
      /127\.0\.0\.1:\d+ answered with HTTP status 404/,
    ],
    [
      "is cut off",
      good,
      (_, response) => {
        response.writeHead(200, { "content-length": 5_000_000 });
        response.write(good, () => response.destroy());
      },
      /the download was cut off after 0\.0 MB of 5\.0 MB/,
    ],
    [
      "stalls on the way",
      good,
      (_, response) => response.writeHead(200, { "content-length": 5_000 }).write("x"),
      /127\.0\.0\.1:\d+ sent nothing for 1 s/,
    ],
    ["never begins", good, () => undefined, /127\.0\.0\.1:\d+ sent nothing for 1 s/],
    [
      "is redirected to plain http elsewhere",
      good,
      (_, response) => response.writeHead(302, { location: "http://127.0.0.1:1/k6" }).end(),
      /redirected to `http:\/\/127\.0\.0\.1:1`, which is not https/,
    ],
    [
      "is redirected to nonsense",
      good,
      (_, response) => response.writeHead(302, { location: "http://[" }).end(),
      /redirected to `http:\/\/\[`, which is no URL/,
    ],
    [
      "is redirected in a circle",
      good,
      (request, response) => response.writeHead(302, { location: request.url ?? "/" }).end(),
      /redirected more than 5 times/,
    ],
    [
      "holds no k6",
      tarGz("other/k6", goodK6),
      (_, response) => response.end(tarGz("other/k6", goodK6)),
      /it holds no `k6-v2\.2\.0-linux-amd64\/k6`/,
    ],
    [
      "holds a k6 that does not work",
      tarGz(member, "#!/bin/sh\nexit 7\n"),
      (_, response) => response.end(tarGz(member, "#!/bin/sh\nexit 7\n")),
      /the k6 from there ends with exit code 7/,
    ],
  ];
  for (const [what, expected, listener, reason] of faults) {
    it(`leaves nothing in the cache when it ${what}`, async (t) => {
      const bench = await prepare(t);
      const { release } = await serve(t, expected, listener);
      const limits = { stallMs: 1_000 };
      await assert.rejects(bench.ensure({}, { release, limits }), (error) => {
        assert(error instanceof ConfigError);
        assert.match(error.message, reason);
        return true;
      });
      assert.match(bench.notes.join("\n"), reason);
      assert.deepEqual(await bench.cachedFiles(), []);
    });
  }

  it("is given up when it drips on past the time limit", async (t) => {
    const bench = await prepare(t);
    const { release } = await serve(t, good, (_, response) => {
      const drip = setInterval(() => response.write("x"), 20);
      response.on("close", () => clearInterval(drip));
    });
    const limits = { downloadMs: 300, noteMs: 50 };
    await assert.rejects(bench.ensure({}, { release, limits }), /took longer than 0\.3 s/);
    assert.match(bench.notes.join("\n"), /^downloaded 0\.0 MB$/m);
    assert.deepEqual(await bench.cachedFiles(), []);
  });

  it("is given up when it is larger than any k6", async (t) => {
    const bench = await prepare(t);
    const { release } = await serve(t, good);
    const limits = { stallMs: 5_000, downloadMs: 5_000, noteMs: 5_000, maxBytes: 10 };
    const target = join(bench.folder, "archive");
    const fetched = download(new URL(release.baseUrl), target, { ...limits, onNote: bench.onNote });
    await assert.rejects(fetched, /it is larger than 0\.0 MB/);
  });

  it("is pinned by name and digest for the platforms that have one", () => {
    for (const { file, sha256 } of Object.values(officialRelease.assets)) {
      assert.match(file, /^k6-v2\.2\.0-(linux|macos|windows)-(amd64|arm64)\.(tar\.gz|zip)$/);
      assert.match(sha256, /^[\da-f]{64}$/);
    }
  });
});

describe("the Go build", posixOnly, () => {
  const fakeGo = (version: string, build: string) =>
    `#!/bin/sh\nif [ "$1" = version ]; then echo 'go version ${version} linux/amd64'; exit; fi\n${build}`;
  const writeK6 =
    'while [ "$1" != -o ]; do shift; done\n' +
    'printf \'#!/bin/sh\\necho "k6 v2.2.0 (go1.25.0, linux/amd64)"\\n\' > "$2"\n';

  it("runs where no digest is pinned, with a composed environment", async (t) => {
    const bench = await prepare(t);
    const seen = join(bench.folder, "seen");
    await bench.addProgram(
      "go",
      fakeGo("go1.25.0", `export -p > '${seen}'; echo "$PWD $*" >> '${seen}'\n${writeK6}`),
    );
    const k6 = await bench.ensure({ K6_VUS: "1", GOPROXY: "off", GOWORK: "/w", SECRET: "s" });
    assert.equal(k6.source, "go");
    assert.deepEqual(await bench.cachedFiles(), ["k6-v2.2.0/k6"]);
    assert.match(bench.notes.join("\n"), /no checksum is pinned for .*\n.*with go1\.25\.0/);
    const text = await readFile(seen, "utf8");
    assert.match(text, /CGO_ENABLED='?0/);
    assert.match(text, /GOPROXY='?off/);
    assert.match(text, /GOWORK='?off/);
    assert.match(text, /build.k6\/? build -v -mod=readonly -trimpath -o .* go\.k6\.io\/k6\/v2\n$/);
    assert.doesNotMatch(text, /K6_VUS|SECRET|GOTOOLCHAIN/);
  });

  it("tells how long it has been at work", async (t) => {
    const bench = await prepare(t);
    const untilNoted = join(bench.folder, "noted");
    await bench.addProgram(
      "go",
      fakeGo(
        "go1.25.0",
        `echo 'go: downloading a.b/c v1' >&2; echo a.b/c >&2\nwhile [ ! -e '${untilNoted}' ]; do :; done\n${writeK6}`,
      ),
    );
    const progress = "building k6: 0 s, 1 modules fetched, 1 packages built";
    bench.onNote = (line) => {
      if (line === progress) void writeFile(untilNoted, "");
    };
    assert.equal((await bench.ensure({}, { limits: { noteMs: 20 } })).source, "go");
    assert.ok(bench.notes.includes(progress));
  });

  const faults: readonly (readonly [string, string, RegExp])[] = [
    ["is too old", fakeGo("go1.20.14", writeK6), /Go 1\.21 or later is needed.*go1\.20\.14/],
    ["fails", fakeGo("go1.26.0", "echo 'no space' >&2; exit 1\n"), /exit code 1: no space/],
    ["hangs", fakeGo("go1.26.0", "while :; do :; done\n"), /took longer than 1\.5 s/],
    ["makes no file", fakeGo("go1.26.0", "exit 0\n"), /ENOENT/],
  ];
  for (const [what, script, reason] of faults) {
    it(`leaves nothing in the cache when Go ${what}`, async (t) => {
      const bench = await prepare(t);
      await bench.addProgram("go", script);
      await assert.rejects(bench.ensure({}, { limits: { buildMs: 1_500 } }), reason);
      assert.deepEqual(await bench.cachedFiles(), []);
    });
  }
});

it("lists in one message all that was tried, when nothing works", posixOnly, async (t) => {
  const bench = await prepare(t);
  const old = await bench.addProgram("k6", "#!/bin/sh\necho 'k6 v1.0.0'\n");
  const { release } = await serve(t, Buffer.from("x"), (_, response) =>
    response.writeHead(503).end(),
  );
  await assert.rejects(bench.ensure({}, { release }), (error) => {
    assert(error instanceof ConfigError);
    const lines = error.message.replace(/:\d+ answered/, ":PORT answered").split("\n");
    assert.deepEqual(lines, [
      "k6 2.2.0 or a later 2.x is needed, and there was no way to get it:",
      `  on PATH: \`${old}\` is k6 v1.0.0, and k6 2.2.0 or a later 2.x is needed`,
      `  in the cache: none at \`${join(bench.cache, "k6-v2.2.0", "k6")}\``,
      `  official release: \`${asset}\`: 127.0.0.1:PORT answered with HTTP status 503`,
      "  Go build: there is no `go` on PATH",
      "Install it (https://grafana.com/docs/k6/latest/set-up/install-k6/), put it on PATH, and try again.",
    ]);
    return true;
  });
});

it("says so when a download cannot even begin", posixOnly, async (t) => {
  const bench = await prepare(t);
  const { release, close } = await serve(t, Buffer.from("x"));
  await close();
  await assert.rejects(bench.ensure({}, { release }), /cannot be reached \(ECONNREFUSED\)/);
});

it("says so when the cache folder cannot be made", posixOnly, async (t) => {
  const bench = await prepare(t);
  await writeFile(bench.cache, "a file");
  const { release } = await serve(t, tarGz(member, goodK6));
  await assert.rejects(bench.ensure({}, { release }), /official release: .*(EEXIST|ENOTDIR)/);
});
