import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ConfigError } from "../src/errors.ts";
import { judgeByText } from "../src/guard/guard.ts";
import { parseMetricsSink, sinkUrl } from "../src/guard/metrics-sink.ts";

const STRICT = { allowPrivate: false };

describe("where metrics go", () => {
  it("is Prometheus' remote write, by its short name that of the compose file", () => {
    const short = parseMetricsSink("prometheus");
    assert.equal(short.url.label, "prometheus:9090");
    assert.equal(sinkUrl(short, "172.18.0.3"), "http://172.18.0.3:9090/api/v1/write");
    const given = parseMetricsSink("prometheus=http://localhost:19090/write");
    assert.equal(sinkUrl(given, "::1"), "http://[::1]:19090/write");
  });

  for (const text of [
    "cloud",
    "json=out.json",
    "prometheus=",
    "prometheus=https://127.0.0.1:9090/",
    "prometheus=ws://127.0.0.1:9090/",
    "prometheus=http://user:pass@127.0.0.1:9090/",
    "prometheus=http://127.0.0.1:9090/?a=b",
    "prometheus=http://0177.0.0.1:9090/",
    "experimental-prometheus-rw",
  ]) {
    it(`is not \`${text}\``, () => assert.throws(() => parseMetricsSink(text), ConfigError));
  }

  for (const [text, status] of [
    ["prometheus=http://127.0.0.1:9090/", "allowed"],
    ["prometheus=http://10.1.2.3:9090/", "refused"],
    ["prometheus=http://8.8.8.8:9090/", "refused"],
    ["prometheus=http://metrics.example.com/", "refused"],
    ["prometheus=http://prometheus:9090/", "candidate"],
  ] as const) {
    it(`${text} is ${status} by the rules for relays`, () => {
      assert.equal(judgeByText(parseMetricsSink(text).url, STRICT).status, status);
    });
  }
});
