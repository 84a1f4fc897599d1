/** One process that takes command lines one by one, as `bin/k6-nostr.mjs` takes one: see `lines.ts`. */
import { createWriteStream } from "node:fs";
import { createInterface } from "node:readline";
import { runCommandLine } from "../../src/node/cli.ts";
import { ANSWERS_FD, type Ended, type Line } from "./lines.ts";

const write = { stdout: process.stdout.write, stderr: process.stderr.write };
const answers = createWriteStream("", { fd: ANSWERS_FD });

for await (const line of createInterface(process.stdin)) {
  answers.write(`${JSON.stringify(await take(JSON.parse(line)))}\n`);
}

async function take({ words, cwd, environment }: Line): Promise<Ended> {
  process.chdir(cwd);
  process.env = { ...environment };
  const printed = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    process[name].write = (text: string | Uint8Array) => {
      printed[name] += text;
      return true;
    };
  }
  try {
    const code = await runCommandLine(words);
    return { code, ...printed };
  } finally {
    for (const name of ["stdout", "stderr"] as const) process[name].write = write[name];
  }
}
