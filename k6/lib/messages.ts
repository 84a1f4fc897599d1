/** What comes on a connection and is not known to the leading driver's handler: read once, then asked about in turn. */
import { messagePrefix } from "../../src/nostr/ok.ts";
import type { Driver, Ground, Rest } from "./driver.ts";
import { type ReadMessage, readMessage } from "./relay-message.ts";

export function createRest(
  { recorder, atSec }: Pick<Ground, "recorder" | "atSec">,
  drivers: readonly Driver[],
): Rest {
  const countUnknownOk = (
    { id, accepted, text }: ReadMessage & { type: "OK" },
    isIdle: boolean,
  ) => {
    recorder.link.unknownOk++;
    const code = id === "" ? "empty id" : "unmatched";
    // A refusal that doesn't say of what, while something waits for its answer.
    const example = `OK ${accepted} for \`${id.slice(0, 16)}\`, not awaited: ${text}`;
    if (accepted || isIdle) recorder.error("unknownOk", code, atSec(), example);
    else recorder.said("unknownOk", code, atSec(), text, { example });
  };

  return (client, data, receivedMs) => {
    client.heardMs = receivedMs;
    const message = readMessage(data);
    for (const driver of drivers) if (driver.take(client, message, receivedMs)) return;
    switch (message.type) {
      case "OK":
        countUnknownOk(
          message,
          drivers.every((driver) => driver.useOf(client).open === 0),
        );
        return;
      case "NOTICE":
        recorder.link.notices++;
        recorder.said("notice", messagePrefix(message.text), atSec(), message.text);
        return;
      case "AUTH":
        recorder.error("auth", "challenge", atSec(), "the relay asks for authentication (NIP-42)");
        return;
      case "malformed":
        recorder.link.malformedFrames++;
        recorder.error("malformed", message.code, atSec(), message.example);
    }
  };
}
