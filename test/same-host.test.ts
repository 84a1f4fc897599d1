import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { sharesHost } from "../src/node/run/same-host.ts";

describe("sharesHost", () => {
  const own = ["127.0.0.1", "::1", "10.0.0.5"];
  const table = [
    ["its own address", [["10.0.0.5"]], undefined, true],
    ["another machine's", [["10.0.0.6"]], undefined, false],
    ["one of two relays here", [["10.0.0.6"], ["10.0.0.5"]], undefined, true],
    ["an internal network", [["172.20.0.3"]], { status: "isolated", networks: [] }, true],
    ["a network with a way out", [["172.20.0.3"]], { status: "open", reason: "" }, false],
  ] as const;
  for (const [name, dialled, isolation, expected] of table) {
    it(`is ${expected} for ${name}`, () => {
      const admissions = dialled.map((addresses) => ({ addresses }));
      assert.equal(sharesHost(admissions, isolation, own), expected);
    });
  }

  it("knows this machine's loopback address", () => {
    assert.equal(sharesHost([{ addresses: ["127.0.0.1"] }], undefined), true);
  });
});
