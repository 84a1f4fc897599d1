/**
 * Signs AUTH for the clients of a run, each with an ephemeral key of its own that the seed decides (NIP-42). k6 asks
 * for it on loopback; nothing else is signed here.
 */
import type { Keys } from "../../events/event-type.ts";
import { AUTH_KIND, type AuthAnswer, type AuthQuestion } from "../../nostr/auth.ts";
import { openKeyring } from "../pool/keyring.ts";

/** RFC 8259 texts of k6's own; a relay chose the challenges in them. */
const MOST_QUESTIONS = 64;
const MOST_CHALLENGE = 1_024;

export type SignAuth = (text: string) => Promise<readonly AuthAnswer[] | null>;

/** Gives `null` for what is no list of questions. */
export function createAuthSigner(seed: string, now: () => number = Date.now): SignAuth {
  let keys: Promise<Keys> | undefined;
  return async (text) => {
    const questions = parseQuestions(text);
    if (questions === null) return null;
    keys ??= openKeyring(`${seed}/auth`);
    const keyring = await keys;
    return questions.map(({ client, relay, challenge }) => {
      const event = keyring.sign({
        author: { role: "session", index: client },
        template: {
          kind: AUTH_KIND,
          created_at: Math.floor(now() / 1_000),
          tags: [
            ["relay", relay],
            ["challenge", challenge],
          ],
          content: "",
        },
      });
      return { id: event.id, frame: JSON.stringify(["AUTH", event]) };
    });
  };
}

function parseQuestions(text: string): readonly AuthQuestion[] | null {
  try {
    const value: unknown = JSON.parse(text);
    const isList = Array.isArray(value) && value.length <= MOST_QUESTIONS;
    return isList && value.every(isQuestion) ? value : null;
  } catch {
    return null;
  }
}

function isQuestion(value: unknown): value is AuthQuestion {
  if (typeof value !== "object" || value === null) return false;
  const { client, relay, challenge } = value as Record<string, unknown>;
  return (
    Number.isInteger(client) &&
    typeof relay === "string" &&
    typeof challenge === "string" &&
    challenge.length <= MOST_CHALLENGE
  );
}
