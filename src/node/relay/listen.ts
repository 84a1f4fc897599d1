import type { Server } from "node:http";
import { ConfigError } from "../../errors.ts";
import { liesWithin } from "../../guard/isolation.ts";

/** Many clients connect at once in a load test; the system's own bound still holds. */
const BACKLOG = 4_096;

const LOOPBACK = ["127.0.0.1", "::1"];

export interface ListenOptions {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  /** Networks that lead nowhere else, CIDRs: an address in one of them will do, too. */
  readonly isolatedNetworks?: readonly string[] | undefined;
}

export interface BoundAddress {
  readonly port: number;
  /** `host:port` as in a URL. */
  readonly authority: string;
  readonly url: string;
}

/**
 * Binds to loopback, or to an address of an isolated network, and to nothing else.
 * @throws ConfigError for another address or a taken port
 */
export async function listen(
  server: Server,
  { host, port, isolatedNetworks = [] }: ListenOptions,
): Promise<BoundAddress> {
  if (!LOOPBACK.includes(host) && !liesWithin(host, isolatedNetworks)) {
    throw new ConfigError(`the relay listens on 127.0.0.1 or ::1 only, got \`${host}\``);
  }
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new ConfigError(`the relay's port must be an integer, 0 to 65535, got \`${port}\``);
  }
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) => {
      const problem = `the relay cannot listen on port \`${port}\`: ${error.message}`;
      reject(new ConfigError(problem, { cause: error }));
    });
    server.listen({ host, port, backlog: BACKLOG }, resolve);
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no TCP address");
  const authority = `${host.includes(":") ? `[${host}]` : host}:${address.port}`;
  return { port: address.port, authority, url: `ws://${authority}` };
}
