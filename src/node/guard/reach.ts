/** Which of a name's admitted addresses a run uses: the first one, in the resolver's order, that answers. */
import { connect } from "node:net";

/** Whether something takes TCP connections at an address. */
export type Connects = (address: string, port: number) => Promise<boolean>;

export interface Reached {
  /** All of them, the one to be used first. */
  readonly addresses: readonly [string, ...string[]];
  /** The other ones that answer as well; those that do not. */
  readonly alsoAt: readonly string[];
  readonly silentAt: readonly string[];
}

const CONNECT_MS = 3_000;

/** Tries addresses that were admitted, all at once. Where none answers, their order stays. */
export async function chooseAddress(
  addresses: readonly [string, ...string[]],
  port: number,
  connects: Connects = takesConnection,
): Promise<Reached> {
  if (addresses.length === 1) return { addresses, alsoAt: [], silentAt: [] };
  const answers = await Promise.all(addresses.map((address) => connects(address, port)));
  const [first, ...others] = addresses.filter((_, i) => answers[i]);
  if (first === undefined) return { addresses, alsoAt: [], silentAt: [] };
  const rest = addresses.filter((address) => address !== first);
  return {
    addresses: [first, ...rest],
    alsoAt: others,
    silentAt: addresses.filter((_, i) => !answers[i]),
  };
}

function takesConnection(address: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: address, port, timeout: CONNECT_MS });
    const end = (answers: boolean) => {
      socket.destroy();
      resolve(answers);
    };
    socket.once("connect", () => end(true));
    socket.once("timeout", () => end(false));
    socket.once("error", () => end(false));
  });
}
