// Health check of the image, for the embedded relay: whether something answers HTTP on this port at
// loopback or, in an internal network, at an address of the container's own.
import { networkInterfaces } from "node:os";

const [port = "7777"] = process.argv.slice(2);
const isInternal = process.env.INTERNAL_NETWORK === "1";
const own = Object.values(networkInterfaces())
  .flatMap((list) => list ?? [])
  .filter(({ family, internal }) => family === "IPv4" && (internal || isInternal));
const answers = await Promise.allSettled(
  own.map(({ address }) => fetch(`http://${address}:${port}/`)),
);
process.exit(answers.some(({ value }) => value?.ok) ? 0 : 1);
