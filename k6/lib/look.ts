/** A look at how this VU keeps up, at a message now and then: a sample tells as much as all. */
import type { Client } from "./connection/client.ts";
import type { Ground } from "./driver.ts";
import { record } from "./hot.ts";

/** Of about so many messages a second. */
const LOOKS_PER_SECOND = 1_000;

/** Of so many messages one is to be looked at. */
export function lookEvery(messagesPerSecond: number): number {
  return Math.max(1, Math.round(messagesPerSecond / LOOKS_PER_SECOND));
}

/** Books how long a message waited to be read, and whether more than one frame waits to be written. */
export function createLook({ clock, recorder }: Ground, largestFrame: number) {
  return (client: Client, receivedMs: number): void => {
    record(recorder.loopLag, clock.now() - receivedMs);
    recorder.link.writeLooks++;
    if (client.socket.bufferedAmount > largestFrame) recorder.link.writesBehind++;
  };
}
