/**
 * A driver that has some of a VU's clients only, and leads: with the others another one has the first look at what
 * comes. So what publishes needs to know of no client that does something else.
 */
import type { Client } from "./connection/client.ts";
import type { LeadingDriver } from "./driver.ts";

export function splitClients(
  own: LeadingDriver,
  other: Pick<LeadingDriver, "listen" | "useOf">,
  isOwn: (client: Client) => boolean,
): LeadingDriver {
  const of = (client: Client) => (isOwn(client) ? own : other);
  return {
    get wakeMs() {
      return own.wakeMs;
    },
    get open() {
      return own.open;
    },
    get isThrough() {
      return own.isThrough;
    },
    get isSettled() {
      return own.isSettled;
    },
    start: own.start,
    work: own.work,
    take: (client, message, receivedMs) => isOwn(client) && own.take(client, message, receivedMs),
    listen: (client, rest) => of(client).listen(client, rest),
    onOpen: (client) => {
      if (isOwn(client)) own.onOpen(client);
    },
    onDrop: (client) => {
      if (isOwn(client)) own.onDrop(client);
    },
    useOf: (client) => of(client).useOf(client),
    expire: own.expire,
    resume: own.resume,
    endWindow: own.endWindow,
    giveUp: own.giveUp,
  };
}
