/** The draft that a refused run leaves: what was wanted, why it stopped, what would unblock it. */

import { shellQuote } from "../command.ts";
import { cell } from "../format.ts";
import type { Draft } from "./issue.ts";

export type RefusalKind = "target" | "builders" | "artefacts" | "profile" | "configuration";

const UNBLOCK: Readonly<Record<RefusalKind, string>> = {
  target:
    "Start a relay on this machine and name it, add --allow-private for an address of your own network, or have the owner serve the proof of consent (docs/dedicated-relays.md) and add --allow-dedicated-relay. A public relay stays refused.",
  builders:
    "Say which event builders are meant, where their module is and what each must return; or choose types of the built-in mix.",
  artefacts:
    "Name a folder that can be written (--report-dir), with room for the pool and the reports.",
  profile:
    'Give the evidence: a profile that was taken, or a relay that can be profiled. Without it hot functions stay "not measured".',
  configuration: "Correct the option that is named above.",
};

/** Sorts a refusal by its message. */
export function refusalKind(message: string): RefusalKind {
  const kinds: readonly (readonly [RefusalKind, RegExp])[] = [
    ["builders", /builder|^MIX\b/i],
    ["profile", /profil|pprof/i],
    ["artefacts", /REPORT_DIR|disk|can't be written|no space|ENOSPC|EACCES|EROFS/i],
    ["target", /refused|public|private address|proof|consent|RELAY_URL/i],
  ];
  return kinds.find(([, pattern]) => pattern.test(message))?.[0] ?? "configuration";
}

/** `words` and `variables` (`NAME=text`): the command line and what the environment set, without secrets. */
export function draftRefusal(
  message: string,
  words: readonly string[],
  variables: readonly string[] = [],
): Draft {
  const kind = refusalKind(message);
  return {
    name: `refused-${kind}`,
    title: `Load test refused: ${message.split("\n")[0]?.slice(0, 120) ?? kind}`,
    labels: ["load-test", `blocked-${kind}`],
    body: [
      "## What was wanted",
      "",
      "```sh",
      [...variables.map(assignment), "npx k6-nostr run", ...words.map(shellQuote)].join(" "),
      "```",
      "",
      "## Why it stopped",
      "",
      ...message.split("\n").map((line) => cell(line)),
      "",
      "Nothing was sent.",
      "",
      "## What would unblock it",
      "",
      UNBLOCK[kind],
      "",
    ].join("\n"),
  };
}

function assignment(variable: string): string {
  const at = variable.indexOf("=") + 1;
  return variable.slice(0, at) + shellQuote(variable.slice(at));
}

/** A command line to be shown: URLs as scheme, host and port, as everywhere in reports. */
export function withoutSecrets(
  args: readonly string[],
  mayHoldKey: (text: string) => boolean,
): readonly string[] {
  return args.map((arg) => {
    if (mayHoldKey(arg)) return "(not-shown)";
    return arg.replace(/([a-z]+:\/\/)(?:[^\s,/?#]*@)?([^\s,/?#]*)[^\s,]*/gi, "$1$2");
  });
}
