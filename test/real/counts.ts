/** What a relay holds, by means that are its own and none of the kit's. */
import { once } from "node:events";
import { WebSocket } from "ws";
import { eventTypes } from "../../src/events/registry.ts";
import type { Counts } from "./relay.ts";
import { must, NotHad } from "./shell.ts";

/** Every kind that the kit's event types send. */
const KINDS = [...new Set(eventTypes.flatMap(({ kinds }) => (kinds ?? []).flat()))];
const SCRIPT = `
import json, sqlite3, sys
database = sqlite3.connect("file:" + sys.argv[1] + "?mode=ro", uri=True)
print(json.dumps(database.execute(sys.argv[2]).fetchall()))
`;

/** Rows `kind, number` of a query of a SQLite database that the relay has open. */
export async function countSql(file: string, query: string): Promise<Counts> {
  const text = await must("python3", ["-c", SCRIPT, file, query]);
  return new Map(JSON.parse(text) as [number, number][]);
}

/** By COUNT (NIP-45), each kind once the one before is answered. */
export async function countByCount(port: number): Promise<Counts> {
  return await ask(port, async (client) => {
    const counts = new Map<number, number>();
    for (const kind of KINDS) {
      client.send(JSON.stringify(["COUNT", `count-${kind}`, { kinds: [kind] }]));
      const [, , { count }] = (await nextOf(client, "COUNT")) as [
        string,
        string,
        { count: number },
      ];
      if (count > 0) counts.set(kind, count);
    }
    return counts;
  });
}

/** By asking for all events and counting them, for relays without COUNT and without a limit. */
export async function countByRequest(port: number): Promise<Counts> {
  return await ask(port, async (client) => {
    const counts = new Map<number, number>();
    for (const kind of KINDS) {
      const events = await eventsOf(client, kind);
      if (events > 0) counts.set(kind, events);
    }
    return counts;
  });
}

async function eventsOf(client: WebSocket, kind: number): Promise<number> {
  let events = 0;
  const count = (data: Buffer) => {
    if (String(data).startsWith('["EVENT"')) events++;
  };
  client.on("message", count);
  client.send(JSON.stringify(["REQ", `all-${kind}`, { kinds: [kind], limit: 100_000 }]));
  await nextOf(client, "EOSE");
  client.off("message", count);
  client.send(JSON.stringify(["CLOSE", `all-${kind}`]));
  return events;
}

async function ask<T>(port: number, use: (client: WebSocket) => Promise<T>): Promise<T> {
  const client = new WebSocket(`ws://127.0.0.1:${port}`);
  try {
    await once(client, "open");
    return await use(client);
  } finally {
    client.terminate();
  }
}

function nextOf(client: WebSocket, type: string): Promise<unknown[]> {
  return new Promise((resolve, reject) => {
    const limit = setTimeout(() => reject(new NotHad(`no ${type} in 20 s`)), 20_000);
    const read = (data: Buffer) => {
      const message = JSON.parse(String(data)) as unknown[];
      if (message[0] === "NOTICE") reject(new Error(`${type} was answered by ${String(data)}`));
      if (message[0] !== type) return;
      clearTimeout(limit);
      client.off("message", read);
      resolve(message);
    };
    client.on("message", read);
  });
}
