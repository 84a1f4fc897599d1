/** wss:// with a private authority and with a self-signed certificate, made here by openssl. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { promisify } from "node:util";
import { WebSocketServer } from "ws";
import { ConfigError } from "../src/errors.ts";
import { parseRelayUrl } from "../src/guard/relay-url.ts";
import { openReader } from "../src/node/audit/relay-reader.ts";
import { readAuthorities, writeBundle } from "../src/node/guard/authorities.ts";
import { type Admission, judgeRelay } from "../src/node/guard/gate.ts";
import { k6Environment } from "../src/node/k6/environment.ts";
import { preflight } from "../src/node/preflight/preflight.ts";
import { askHandshake } from "../src/node/run/ask-handshake.ts";
import { planOf } from "./fixtures/reports/run.ts";

const run = promisify(execFile);
let dir = "";
const at = (name: string) => join(dir, name);

/** A certificate for `localhost`, signed by `by` or by itself. */
async function makeCertificate(name: string, by?: string): Promise<void> {
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const out = ["-keyout", at(`${name}.key`), "-subj", `/CN=${name}`, "-days", "2"];
  const alt = ["-addext", "subjectAltName=DNS:localhost"];
  const signed = by === undefined ? [] : ["-CA", at(`${by}.pem`), "-CAkey", at(`${by}.key`)];
  const names = by === undefined && name === "authority" ? [] : alt;
  await run("openssl", [
    "req",
    "-x509",
    ...key,
    ...out,
    ...names,
    ...signed,
    "-out",
    at(`${name}.pem`),
  ]);
}

before(async () => {
  dir = await mkdtemp(join(tmpdir(), "certificates-"));
  await makeCertificate("authority");
  await makeCertificate("relay", "authority");
  await makeCertificate("alone");
});
after(() => rm(dir, { recursive: true }));

/** A relay that takes everything, with a certificate. */
async function withRelay<T>(name: string, use: (port: number) => Promise<T>): Promise<T> {
  const [key, cert] = [await readFile(at(`${name}.key`)), await readFile(at(`${name}.pem`))];
  const server = createServer({ key, cert }, (_, response) => {
    response.end(JSON.stringify({ software: "tls", version: "1" }));
  });
  const sockets = new WebSocketServer({ server });
  sockets.on("connection", (socket) =>
    socket.on("message", (data) => {
      const [type, event] = JSON.parse(String(data));
      socket.send(JSON.stringify(type === "REQ" ? ["EOSE", event] : ["OK", event.id, true, ""]));
    }),
  );
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    return await use((server.address() as AddressInfo).port);
  } finally {
    for (const socket of sockets.clients) socket.terminate();
    server.closeAllConnections();
    server.close();
  }
}

async function admit(port: number, ca: string | undefined): Promise<Admission> {
  const admission = await judgeRelay(parseRelayUrl(`wss://localhost:${port}`), {
    policy: { allowPrivate: false },
    nowMs: 0,
    rateEps: 1,
    clients: 1,
    ca,
    lookup: async () => ["127.0.0.1"],
  });
  assert.ok(admission.status === "admitted");
  return admission;
}

async function stopsOf(admission: Admission): Promise<readonly string[]> {
  const request = { plan: planOf(), admissions: [admission], poolDir: undefined, force: false };
  const { findings, answers } = await preflight(request);
  if (admission.ca !== undefined) assert.equal(answers[0]?.information.software, "tls");
  return findings
    .filter(({ level }) => level !== "ok")
    .map(({ id, level, what, remedy }) => `${level} ${id}: ${what}; ${remedy}`);
}

describe("a relay at wss://", () => {
  for (const [name, authority, problem] of [
    ["relay", "authority", /nobody known here signed it \(UNABLE_TO_/],
    ["alone", "alone", /it is self-signed \(DEPTH_ZERO_SELF_SIGNED_CERT\)/],
  ] as const) {
    it(`with the certificate \`${name}\` is reached with --ca alone, by all that asks`, async () => {
      await withRelay(name, async (port) => {
        const [stop = "", ...more] = await stopsOf(await admit(port, undefined));
        assert.match(
          stop,
          /^stop certificate: the certificate of `localhost:\d+` can't be trusted/,
        );
        assert.match(stop, problem);
        assert.match(stop, /--ca FILE \(PEM\)/);
        assert.deepEqual(more, []);
        const trusted = await admit(port, await readAuthorities(at(`${authority}.pem`)));
        assert.deepEqual(await stopsOf(trusted), []);
        const { answer, parts } = await askHandshake(trusted);
        assert.equal(answer.status, 101);
        assert.ok(parts && parts.tls !== null && parts.tls > 0, JSON.stringify(parts));
        const reader = await openReader(trusted);
        assert.equal((await reader.ask([{ limit: 1 }])).status, "complete");
        reader.close();
      });
    });
  }

  it("is told that its certificate is for another host", async () => {
    await withRelay("relay", async (port) => {
      const admission = await admit(port, await readAuthorities(at("authority.pem")));
      const url = parseRelayUrl(`wss://127.0.0.1:${port}`);
      const [stop = ""] = await stopsOf({ ...admission, url, ca: undefined });
      assert.match(stop, /stop certificate/);
      const request = { plan: planOf(), poolDir: undefined, force: false };
      const { findings } = await preflight({ ...request, admissions: [{ ...admission, url }] });
      assert.ok(findings.some(({ what }) => /it is for another host \(ERR_TLS_CERT/.test(what)));
    });
  });
});

describe("--ca", () => {
  it("is a file of certificates, whose keys go nowhere", async () => {
    const both = at("both.pem");
    await writeFile(
      both,
      `${await readFile(at("alone.key"), "utf8")}\n${await readFile(at("alone.pem"), "utf8")}`,
    );
    assert.doesNotMatch((await readAuthorities(both)) ?? "", /PRIVATE/);
    assert.equal(await readAuthorities(undefined), undefined);
    await writeFile(
      at("broken.pem"),
      "-----BEGIN CERTIFICATE-----\nabc\n-----END CERTIFICATE-----",
    );
    for (const path of [at("none.pem"), at("alone.key"), at("broken.pem"), dir]) {
      await assert.rejects(readAuthorities(path), ConfigError, path);
    }
  });

  it("reaches k6 beside the system's and the user's own", async () => {
    const ca = (await readAuthorities(at("authority.pem"))) ?? "";
    const bundle = await writeBundle(dir, ca, at("alone.pem"));
    const text = await readFile(bundle, "utf8");
    assert.ok(text.includes(ca));
    assert.ok(text.includes((await readAuthorities(at("alone.pem"))) ?? "none"));
    assert.ok((text.match(/BEGIN CERTIFICATE/g) ?? []).length > 50);
    const request = {
      plan: planOf(),
      dialUrls: [],
      poolDir: "",
      poolUrl: null,
      runId: "",
      runDir: "",
      script: "",
      allowed: [],
      hosts: {},
      blacklist: [],
      memory: null,
    };
    const inherited = { SSL_CERT_FILE: "/etc/theirs.pem" };
    const environment = k6Environment({ ...request, authorities: bundle }, inherited);
    assert.equal(environment.SSL_CERT_FILE, bundle);
    assert.equal(k6Environment(request, inherited).SSL_CERT_FILE, "/etc/theirs.pem");
  });
});
