/** Empties a relay before a trial by a command of the user's: nobody else knows where its store is. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { Interrupted } from "../../errors.ts";
import { toDialUrl } from "../../guard/relay-url.ts";
import type { Plan } from "../../plan/plan.ts";

const MOST_MS = 120_000;
const MOST_CHARACTERS = 200;

/**
 * Runs it in a shell, with the relay's address in `RELAY_URL`; when it ends, the relay has to be there again. Throws
 * with its last words where it does not end with 0 within two minutes.
 */
export async function emptyRelay(
  command: string,
  { relays }: Pick<Plan, "relays">,
  signal: AbortSignal,
): Promise<void> {
  const env = { ...process.env, RELAY_URL: relays.map(toDialUrl).join(",") };
  const child = spawn(command, {
    ...{ shell: true, env, timeout: MOST_MS, signal },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (data: Buffer) => {
      said = (said + String(data)).slice(-MOST_CHARACTERS);
    });
  }
  // Not `close`: what it starts in the background holds its output open.
  const [code, killedBy] = await once(child, "exit").catch((error: unknown) => {
    if (!signal.aborted) throw error;
    throw new Interrupted("interrupted while the relay was emptied", { cause: error });
  });
  if (code === 0) return;
  const how = killedBy === null ? `with code ${code}` : `by ${killedBy}`;
  throw new Error(`the command of --empty-by ended ${how}: ${said.trim()}`);
}
