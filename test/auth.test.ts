/** AUTH as connections open (NIP-42): what is signed, and in virtual time what relays make of it. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { verifyEvent } from "nostr-tools/pure";
import { createAuthSigner } from "../src/node/companion/sign-auth.ts";
import { findAuthProblem } from "../src/node/relay/auth.ts";
import type { NostrEvent } from "../src/nostr/wire.ts";
import { renderTerminal } from "../src/report/terminal.ts";
import type { Report } from "../src/report/types.ts";
import { completeOf } from "./fixtures/reports/run.ts";
import { type Door, type Guest, visit } from "./k6-world/door.ts";

const NOW_SEC = 1_767_225_600;
const QUESTION = { client: 3, relay: "ws://127.0.0.1:7777/", challenge: 'a"b' };

describe("what is signed for a client", () => {
  const sign = createAuthSigner("seed", () => NOW_SEC * 1_000);

  it("answers its challenge for that relay, with a key of its own", async () => {
    const answers = await sign(JSON.stringify([QUESTION, { ...QUESTION, client: 4 }, QUESTION]));
    assert.ok(answers);
    const events = answers.map(({ frame }) => (JSON.parse(frame) as [string, NostrEvent])[1]);
    const context = { challenge: 'a"b', authorities: ["127.0.0.1:7777"], nowSec: NOW_SEC };
    for (const event of events) {
      assert.equal(findAuthProblem(event, context), undefined);
      assert.ok(verifyEvent({ ...event, tags: event.tags.map((tag) => [...tag]) }));
    }
    assert.deepEqual(
      answers.map(({ id }) => id),
      events.map(({ id }) => id),
    );
    const [a, b, again] = events.map(({ pubkey }) => pubkey);
    assert.deepEqual([a === b, a === again], [false, true]);
  });

  for (const text of [
    "",
    "{}",
    "[1]",
    JSON.stringify([{ ...QUESTION, client: 0.5 }]),
    JSON.stringify([{ ...QUESTION, challenge: "x".repeat(1_025) }]),
    JSON.stringify(Array(65).fill(QUESTION)),
  ]) {
    it(`is nothing of \`${text.slice(0, 60)}\``, async () => assert.equal(await sign(text), null));
  }
});

describe("connections whose clients say who they are", () => {
  const answer = (guest: Guest, message: readonly unknown[], afterMs = 1) =>
    guest.side.answer(JSON.stringify(message), afterMs);
  /** Signs as the companion does, at once; the event's id says for which challenge. */
  const onRequest: Door["onRequest"] = async (_method, _url, body) => {
    const questions = JSON.parse(body) as (typeof QUESTION)[];
    const answers = questions.map(({ client, challenge }) => {
      const id = `${client}/${challenge}`;
      return { id, frame: JSON.stringify(["AUTH", { id }]) };
    });
    return { status: 200, body: JSON.stringify(answers) };
  };
  const idOf = (message: readonly unknown[]) => (message[1] as { id: string }).id;

  /** A relay that asks as a connection opens, or with its first refusal; `let_`: what it says to AUTH. */
  const asking = (
    when: "open" | "refusal",
    let_: (id: string) => boolean | "silent" | "cut",
  ): { readonly door: Door; readonly heard: string[] } => {
    const known = new Set<Guest>();
    const heard: string[] = [];
    const challenge = (guest: Guest) => answer(guest, ["AUTH", "c1"], 0.5);
    const door: Door = {
      onRequest,
      onOpen: (guest) => when === "open" && challenge(guest),
      onAsk: (guest) => {
        if (known.has(guest)) return undefined;
        if (when === "refusal") challenge(guest);
        return "auth";
      },
      onOther: (guest, message) => {
        if (message[0] !== "AUTH") return;
        const id = idOf(message);
        heard.push(id);
        const how = let_(id);
        if (how === "cut") guest.cut();
        else if (how !== "silent") {
          if (how) known.add(guest);
          answer(guest, ["OK", id, how, how ? "" : "restricted: not you"], 4);
        }
      },
    };
    return { door, heard };
  };
  const run = async (door: Door, more: Readonly<Record<string, string>> = {}) => {
    const { report } = await visit(door, {
      ON_OPEN: "auth",
      COMPANION_URL: `http://127.0.0.1:7779/${"a".repeat(32)}`,
      ...more,
    });
    assert.ok(report.classes.auth);
    return { report, auth: report.classes.auth };
  };
  const usableOf = ({ classes }: Report) => {
    const { usable, refused, mute } = classes.connection.totals;
    return [usable, refused, mute];
  };

  for (const when of ["open", "refusal"] as const) {
    it(`are let in by a relay that asks with the ${when}, and served then`, async () => {
      const { door, heard } = asking(when, () => true);
      const { report, auth } = await run(door);
      const { needed, sent, accepted, askedAgain, noChallenge } = auth.totals;
      assert.deepEqual([needed, sent, accepted, askedAgain, noChallenge], [20, 20, 20, 20, 0]);
      assert.deepEqual(usableOf(report), [20, 0, 0]);
      assert.equal(new Set(heard).size, 20);
      assert.ok(Math.abs((auth.times.service.p50 ?? 0) - 4) < 0.2, `${auth.times.service.p50}`);
      // From the challenge on: the signature, which takes no time here, and the relay.
      assert.ok(Math.abs((auth.times.response.p50 ?? 0) - 4) < 0.2, `${auth.times.response.p50}`);
      assert.ok((auth.times.signing.p50 ?? 1) < 0.1, `${auth.times.signing.p50}`);
      const usableMs = report.classes.connection.times.usable.p50 ?? 0;
      assert.ok(usableMs > 7 && usableMs < 9.5, `${usableMs}`);
      assert.deepEqual(report.errors, []);
      assert.equal(report.generator.verdict, "valid");
      assert.match(
        renderTerminal(completeOf(report), []),
        /^auth {8}AUTH: 20 of 20 were let in; from AUTH to its OK p50 4\.\d+ ms, .* until AUTH was signed/m,
      );
    });
  }

  it("are refused, left without an answer, or cut: each is counted, and none is usable", async () => {
    const said = [false, "silent", "cut", true] as const;
    const { door } = asking("open", (id) => said[Number(id.split("/")[0]) % 4] ?? true);
    const { report, auth } = await run(door, { RECONNECT: "nostr-tools", HOLD_SEC: "3" });
    const { needed, sent, accepted, refused, timedOut, lost } = auth.totals;
    assert.deepEqual([needed, sent, accepted, refused, timedOut, lost], [20, 20, 5, 5, 5, 5]);
    assert.deepEqual(usableOf(report), [5, 10, 5]);
    const told = (of: string) => report.errors.find((e) => e.class === of);
    assert.deepEqual([told("auth")?.code, told("auth")?.count], ["restricted", 5]);
    assert.deepEqual([told("timeout")?.code, told("timeout")?.count], ["no OK to AUTH", 5]);
  });

  for (const [how, words] of [
    [false, "their AUTH was refused"],
    // As nostr-rs-relay 0.8.12 does where it takes one.
    ["silent", "no OK came to their AUTH"],
  ] as const) {
    it(`that are ${how === "silent" ? "left without an answer" : "refused"} are found so`, async () => {
      const { report } = await run(asking("open", () => how).door, { CLIENTS: "4" });
      const title = `4 connections opened and could not be used: ${words}`;
      assert.deepEqual(
        report.findings.map((finding) => finding.title).filter((one) => one === title),
        [title],
      );
    });
  }

  it("name the relay by the URL that is dialled, or as they are told", async () => {
    const named: string[] = [];
    const door: Door = {
      ...asking("open", () => true).door,
      onRequest: async (method, url, body) => {
        named.push(...(JSON.parse(body) as (typeof QUESTION)[]).map(({ relay }) => relay));
        return (await onRequest(method, url, body)) as { status: number; body: string };
      },
    };
    await run(door, { CLIENTS: "1" });
    await run(door, { CLIENTS: "1", AUTH_RELAY_URL: "wss://relay.example" });
    assert.deepEqual(named, ["ws://127.0.0.1:7777/", "wss://relay.example"]);
  });

  it("of a relay that does not ask are served at once", async () => {
    const { report, auth } = await run({ onRequest });
    assert.deepEqual([auth.totals.noChallenge, auth.totals.sent], [20, 0]);
    assert.deepEqual(usableOf(report), [20, 0, 0]);
  });

  it("answer the newest of several challenges, once", async () => {
    let release: (() => void) | null = null;
    const { door, heard } = asking("open", () => true);
    const { auth } = await run(
      {
        ...door,
        onOpen: (guest) => {
          answer(guest, ["AUTH", "old"], 0.5);
          answer(guest, ["AUTH", "new"], 1);
          answer(guest, ["AUTH", "late"], 50);
          guest.side.later(2, () => release?.());
        },
        onRequest: async (method, url, body) => {
          if (body.includes("old")) {
            await new Promise<void>((resolve) => {
              release = resolve;
            });
          }
          return (await onRequest(method, url, body)) as { status: number; body: string };
        },
      },
      { CLIENTS: "3" },
    );
    assert.deepEqual([auth.totals.accepted, heard], [3, ["0/new", "1/new", "2/new"]]);
  });

  it("that nobody signs for are counted as that", async () => {
    const { door } = asking("open", () => true);
    const { report, auth } = await run({
      ...door,
      onRequest: async () => ({ status: 400, body: "" }),
    });
    assert.deepEqual([auth.totals.unsigned, auth.totals.sent], [20, 0]);
    assert.deepEqual(usableOf(report), [0, 20, 0]);
  });

  it("have somebody to sign, or nothing is sent", async () => {
    const { door } = asking("open", () => true);
    await assert.rejects(
      visit(door, { ON_OPEN: "auth" }),
      /AUTH is signed by the command line's companion, and there is none/,
    );
  });
});
