/** What bounds the result, in words. */
import type { CapacityResult } from "../../../capacity/result.ts";
import type { Text } from "../../sections/document.ts";
import { code, strong } from "../../sections/document.ts";

const LIMITS: Readonly<Record<CapacityResult["limit"], readonly [what: string, more: string]>> = {
  relay: ["The relay.", " It met the objective at the lower load and did not at the higher one."],
  generator: [
    "This generator.",
    " It can't load the relay with more, so the relay's own limit lies higher and is not known.",
  ],
  to: ["The highest load that was asked for.", " The relay's own limit lies higher (--to)."],
  below: [
    "The relay, from the lowest load on.",
    " It met the objective at no load that was tried.",
  ],
  budget: ["The time.", " The search ended before it came to a proven result (--budget)."],
  died: ["The relay's life.", " It was gone behind a trial, and nothing was tried after that."],
  interrupted: ["The user.", " The search was stopped; --resume goes on with it."],
  failed: ["An error.", " It is none of the relay's; --resume goes on with the search."],
};

export function limitText({ limit, failure }: CapacityResult): Text {
  const [what, more] = LIMITS[limit];
  const said = failure === undefined ? [] : [" It was: ", code(failure)];
  return ["What bounds it: ", strong(what), more, ...said];
}

export function limitWords({ limit }: CapacityResult): string {
  const words: Readonly<Record<CapacityResult["limit"], string>> = {
    relay: "the relay",
    generator: "this generator",
    to: "the most asked for",
    below: "the relay",
    budget: "the time",
    died: "the relay died",
    interrupted: "stopped",
    failed: "an error",
  };
  return words[limit];
}
