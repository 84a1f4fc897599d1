/** One relay of a situation in a process of its own: `main.ts <situation> <number>`; prints its URL. */
import { startFaultyRelay } from "./relay.ts";
import { SITUATIONS } from "./situations.ts";

const [name = "", number = "0"] = process.argv.slice(2);
const behaviour = SITUATIONS[name]?.relays[Number(number)];
if (behaviour === undefined) throw new Error(`no relay ${number} in the situation \`${name}\``);
const relay = await startFaultyRelay(behaviour());
console.log(`listening on ${relay.url}`);
