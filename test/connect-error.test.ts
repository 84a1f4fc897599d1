import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { closeName, connectErrorCode } from "../k6/lib/connection/connect-error.ts";

describe("connectErrorCode", () => {
  const table = [
    ["dial tcp 127.0.0.1:7777: connect: connection refused", "refused"],
    ["IP (93.184.215.14) is in a blacklisted range (0.0.0.0/5)", "guard"],
    ["hostname (relay.example) is in a blocked pattern (*.example)", "guard"],
    ["websocket: bad handshake", "handshake"],
    ["dial tcp 10.0.0.1:7777: i/o timeout", "timeout"],
    ["context deadline exceeded", "timeout"],
    ["net/http: TLS handshake timeout", "timeout"],
    ["read tcp 127.0.0.1:40000->127.0.0.1:7777: read: connection reset by peer", "reset"],
    ["write tcp 127.0.0.1:40000->127.0.0.1:7777: write: broken pipe", "reset"],
    ["EOF", "reset"],
    ["unexpected EOF", "reset"],
    ["dial tcp: lookup relay.test on 127.0.0.53:53: no such host", "dns"],
    ["lookup relay.test: no such host", "dns"],
    [
      "dial tcp: lookup relay.test on [::1]:53: read udp [::1]:4->[::1]:53: read: connection refused",
      "dns",
    ],
    ["dial tcp: lookup relay.test on 10.0.0.1:53: read udp 10.0.0.2:4: i/o timeout", "dns"],
    ["dial tcp 127.0.0.1:7777: socket: too many open files", "files"],
    ["dial tcp 127.0.0.1:7777: connect: cannot assign requested address", "ports"],
    ["tls: failed to verify certificate: x509: certificate signed by unknown authority", "tls"],
    ["tls: first record does not look like a TLS handshake", "tls"],
    ["dial tcp 10.0.0.1:7777: connect: no route to host", "other"],
    ["", "other"],
  ] as const;
  for (const [text, code] of table) {
    it(`is \`${code}\` for \`${text}\``, () => assert.equal(connectErrorCode(text), code));
  }
});

describe("closeName", () => {
  const table = [
    [1_013, "websocket: close 1013: try again later", "1013"],
    [1_006, "websocket: close 1006 (abnormal closure): unexpected EOF", "no close frame"],
    [undefined, "", "no close frame"],
    [undefined, "write tcp 127.0.0.1:4->127.0.0.1:7777: write: broken pipe", "no close frame"],
    [undefined, "websocket: close sent", "code unknown"],
  ] as const;
  for (const [code, text, name] of table) {
    it(`is \`${name}\` for ${code} and \`${text}\``, () =>
      assert.equal(closeName(code, text), name));
  }
});
