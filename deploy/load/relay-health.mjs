// Health check of the embedded relay's container: whether anything answers NIP-11 on this port, at
// loopback or at an address of the container's own.
import { networkInterfaces } from "node:os";

const [port = "7777"] = process.argv.slice(2);
const own = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
const answers = await Promise.allSettled(
  own
    .filter(({ family }) => family === "IPv4")
    .map(({ address }) =>
      fetch(`http://${address}:${port}/`, { headers: { Accept: "application/nostr+json" } }),
    ),
);
process.exit(answers.some(({ value }) => value?.ok) ? 0 : 1);
