/** The way to a cluster's API: through a `kubectl` that is a few lines here, and answers as an API server does. */
import assert from "node:assert/strict";
import { chmod, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { ConfigError } from "../src/errors.ts";
import { Api, ApiError } from "../src/node/kubernetes/api.ts";
import { make, remove } from "../src/node/kubernetes/made.ts";
import { refuseWithoutRights } from "../src/node/kubernetes/rights.ts";

const KUBECTL = `#!${process.execPath}
const { createServer } = require("node:http");
const [verb, ...args] = process.argv.slice(2);
if (verb === "config") { process.stdout.write("load"); process.exit(0); }
const socket = args[0].replace("--unix-socket=", "");
const status = (response, code, message) => {
  response.writeHead(code).end(JSON.stringify({ kind: "Status", code, message }));
};
createServer((request, response) => {
  const { url, method } = request;
  let body = "";
  request.on("data", (data) => { body += data; });
  request.on("end", () => {
    if (url.includes("selfsubjectaccessreviews")) {
      const { resource } = JSON.parse(body).spec.resourceAttributes;
      return response.end(JSON.stringify({ status: { allowed: resource !== "jobs" } }));
    }
    if (url.includes("/log")) {
      response.write("first\\nsec");
      setTimeout(() => {
        response.write("ond\\n");
        if (url.includes("broken")) return setTimeout(() => response.destroy(), 50);
        response.end("third");
      }, 20);
      return;
    }
    if (url.includes("/configmaps/")) return status(response, 403, "configmaps is forbidden");
    if (url.includes("/testruns/")) return response.writeHead(404).end("404 page not found");
    if (method === "POST") return status(response, 422, "Job.batch is invalid:\\n  spec.x");
    if (method === "DELETE") return response.end(JSON.stringify({ url }));
    response.writeHead(502).end("dial tcp 127.0.0.1:1: connect: connection refused");
  });
}).listen(socket, () => process.stdout.write("Starting to serve on " + socket + "\\n"));
`;

let dir = "";
const path = process.env.PATH;
before(async () => {
  dir = await mkdtemp(join(tmpdir(), "k6-nostr-kubectl-"));
  const kubectl = join(dir, "kubectl");
  await writeFile(kubectl, KUBECTL);
  await chmod(kubectl, 0o755);
});
after(async () => {
  process.env.PATH = path;
  await rm(dir, { recursive: true, force: true });
});

/** With `TMPDIR` in the test's own folder, where what is left would be seen. */
async function withApi(use: (api: Api) => Promise<void>, namespace?: string): Promise<void> {
  process.env.PATH = [dir, dirname(process.execPath)].join(delimiter);
  const { TMPDIR } = process.env;
  process.env.TMPDIR = dir;
  const api = await Api.open(namespace);
  try {
    await use(api);
  } finally {
    await api.close();
    if (TMPDIR === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = TMPDIR;
  }
  assert.deepEqual(await readdir(dir), ["kubectl"]);
}

const says = (pattern: RegExp, code?: number) => (error: unknown) =>
  error instanceof ConfigError &&
  pattern.test(error.message) &&
  (code === undefined || (error instanceof ApiError && error.code === code));

describe("the API of a cluster", () => {
  it("is asked in kubectl's own namespace, and says in a line why not", () =>
    withApi(async (api) => {
      assert.equal(api.namespace, "load");
      await assert.rejects(
        api.ask("POST", "/apis/batch/v1/namespaces/load/jobs", {}),
        says(/^the cluster says: Job\.batch is invalid: spec\.x$/, 422),
      );
      await assert.rejects(
        api.ask("GET", "/"),
        says(/^the cluster says: dial tcp .* refused$/, 502),
      );
    }));

  it("is asked in the namespace that is named", () =>
    withApi(async (api) => assert.equal(api.namespace, "own"), "own"));

  it("gives a log line by line, however it is cut on its way, and tells an end from a break", () =>
    withApi(async (api) => {
      const lines: string[] = [];
      const { signal } = new AbortController();
      await api.lines("/pods/a/log", (line) => lines.push(line), signal);
      assert.deepEqual(lines, ["first", "second", "third"]);
      await assert.rejects(api.lines("/pods/broken/log", (line) => lines.push(line), signal));
      assert.deepEqual(lines.slice(3), ["first", "second"]);
    }));

  it("names what one may not, before anything is made", () =>
    withApi(async (api) => {
      const rights = [
        { verb: "create", group: "batch", resource: "jobs" },
        { verb: "list", group: "", resource: "pods" },
        { verb: "delete", group: "batch", resource: "jobs" },
      ] as const;
      await assert.rejects(
        refuseWithoutRights(api, rights),
        says(/^in the namespace `load` you may not create jobs, delete jobs: .*role\.yaml/),
      );
      await refuseWithoutRights(api, rights.slice(1, 2));
    }));

  it("removes what there is, and says so where nothing may be", () =>
    withApi(async (api) => {
      assert.deepEqual(await remove(api, "run"), ["Job"]);
      assert.deepEqual(await remove(api, "run", ["TestRun"]), []);
      await assert.rejects(remove(api, "run", ["ConfigMap"]), says(/configmaps is forbidden/, 403));
    }));

  it("throws why a thing was not made, whatever became of the others", () =>
    withApi((api) => {
      const job = { apiVersion: "batch/v1", kind: "Job", metadata: { name: "run" } };
      return assert.rejects(make(api, [job]), says(/Job\.batch is invalid/, 422));
    }));

  it("can't be asked without kubectl, or by one that ends", async () => {
    process.env.PATH = join(dir, "none");
    await assert.rejects(Api.open(undefined), says(/^`kubectl` is not on PATH/));
    await assert.rejects(Api.open("load"), says(/^`kubectl` is not on PATH/));
    const other = await mkdtemp(join(dir, "other-"));
    const text = `#!/bin/sh\necho 'error: no such context' >&2\nexit 1\n`;
    await writeFile(join(other, "kubectl"), text, { mode: 0o755 });
    process.env.PATH = other;
    await assert.rejects(Api.open(undefined), says(/^`kubectl config`: error: no such context$/));
    await assert.rejects(Api.open("load"), says(/^`kubectl proxy`: error: no such context$/));
  });
});
