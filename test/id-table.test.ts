import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "node:test";
import { IdTable } from "../src/node/pool/id-table.ts";

const idOf = (n: number) => createHash("sha256").update(String(n)).digest("hex");

describe("a table of ids", () => {
  it("answers as a Map does, however often it grows", () => {
    const table = new IdTable();
    const map = new Map<string, number>();
    for (let n = 0; n < 60_000; n++) {
      // Every third comes again, with another number.
      const id = idOf(n % 40_000);
      assert.equal(table.put(id, n), map.get(id), `${n}`);
      map.set(id, n);
    }
  });

  it("tells ids apart that share 64 bits, and knows one that begins with zeros", () => {
    const table = new IdTable();
    const zeros = "0".repeat(64);
    const near = `${"0".repeat(23)}1${"0".repeat(40)}`;
    assert.equal(table.put(zeros, 1), undefined);
    assert.equal(table.put(near, 2), undefined);
    assert.equal(table.put(zeros, 3), 1);
    assert.equal(table.put(near, 4), 2);
  });

  it("takes texts of any kind", () => {
    const table = new IdTable();
    assert.equal(table.putText("30079:ab:d", 7), undefined);
    assert.equal(table.putText("30079:ab:e", 8), undefined);
    assert.equal(table.putText("30079:ab:d", 9), 7);
  });
});
