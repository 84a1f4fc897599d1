/** What k6 asks the command line to sign for a client, and gets (NIP-42). */
export interface AuthQuestion {
  /** Of the run: each has a key of its own. */
  readonly client: number;
  readonly relay: string;
  readonly challenge: string;
}

export interface AuthAnswer {
  readonly id: string;
  /** The whole message: `["AUTH",…]`. */
  readonly frame: string;
}

/** NIP-42, "Authentication of clients to relays". */
export const AUTH_KIND = 22_242;
