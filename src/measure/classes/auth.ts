/**
 * AUTH (NIP-42): a connection whose client has to say who it is, until the relay's OK. The challenge is the relay's,
 * so it can be signed only then: what the signature took is told apart, and is the generator's.
 */
import type { ClassOfWork } from "../class-of-work.ts";

export const auth = {
  unit: "a connection whose client authenticates",
  many: "authentications",
  doneWord: "let in",
  title: "AUTH: challenge until OK",
  rowsAre: "phase",
  columns: [
    "needed",
    "sent",
    "unsigned",
    "noChallenge",
    "accepted",
    "refused",
    "timedOut",
    "lost",
    "askedAgain",
  ],
  identities: [
    {
      text: "needed = sent + unsigned + noChallenge",
      left: "needed",
      right: ["sent", "unsigned", "noChallenge"],
      rest: "unsigned",
    },
    {
      text: "sent = accepted + refused + timedOut + lost",
      left: "sent",
      right: ["accepted", "refused", "timedOut", "lost"],
      rest: "lost",
    },
  ],
  times: {
    response: "from the challenge to the OK",
    service: "from AUTH to its OK",
    signing: "from the challenge until AUTH was sent, which is the generator's",
  },
  due: "needed",
  sent: "sent",
  done: "accepted",
  // A relay that asks for nothing has nothing to let in to.
  fine: ["accepted", "noChallenge"],
  failed: ["refused", "timedOut", "lost", "unsigned"],
  hasWarmup: false,
  hasSchedule: false,
  seriesByRow: false,
  metrics: {
    tag: null,
    trends: { service: "nostr_auth_time" },
    counters: { accepted: "nostr_auth_accepted", noChallenge: "nostr_auth_unasked" },
    failed: "nostr_auth_failed",
  },
} as const satisfies ClassOfWork;

export const A_NEEDED = 0;
export const A_SENT = 1;
/** There was a challenge, and no signature before the connection or the run ended. */
export const A_UNSIGNED = 2;
/** The relay served the client, or let it wait, without asking who it is. */
export const A_NO_CHALLENGE = 3;
export const A_ACCEPTED = 4;
export const A_REFUSED = 5;
export const A_TIMED_OUT = 6;
export const A_LOST = 7;
/** What was refused with `auth-required:` before was asked once more. */
export const A_ASKED_AGAIN = 8;
