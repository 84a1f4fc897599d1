/** Asks one admitted relay what a run needs to know: is it there, what does it announce, does it take events. */
import type { EventType } from "../../events/event-type.ts";
import { messagePrefix } from "../../nostr/ok.ts";
import type { Admission } from "../guard/gate.ts";
import { advice, type Finding, ok, stop } from "./finding.ts";
import { fetchInformation, type Information } from "./information.ts";
import { isTooOld } from "./limits.ts";
import { type Probe, type ProbeAnswer, probeRelay } from "./probe.ts";
import { makeSample } from "./sample.ts";

export interface RelayQuestion {
  readonly admission: Admission;
  readonly mix: string;
  /** Types of the mix that are not built in. */
  readonly extra?: readonly EventType[];
  /** `created_at` of the run's first event. */
  readonly epoch: number;
  readonly nowSec: number;
  readonly runSec: number;
}

export interface RelayAnswer {
  readonly admission: Admission;
  readonly information: Information;
  readonly findings: readonly Finding[];
  /** It refuses events of the asked epoch for their age, by its document or its answer to the probe. */
  readonly refusesEpoch: boolean;
}

/** Words of an OK that would refuse every event of a run; other refusals may be the probe's alone. */
const STOPPING = ["auth-required", "restricted", "pow", "payment-required", "blocked"];

/**
 * Fetches the information document and connects. Where the document is silent on size or age, two
 * events of the mix are published: the oldest and the largest of a sample.
 */
export async function askRelay(question: RelayQuestion): Promise<RelayAnswer> {
  const { admission, mix, epoch, extra } = question;
  const information = await fetchInformation(admission);
  const { limitation } = information;
  const isSilent =
    limitation?.max_message_length === undefined || limitation.created_at_lower_limit === undefined;
  const sample = isSilent ? await makeSample(mix, epoch, extra) : null;
  const events = sample === null ? [] : [...new Set([sample.oldest, sample.largest])];
  const probe = await probeRelay(admission, events);
  const tooOldByProbe =
    probe.status === "reached" && probe.answers.some((answer) => isAgeRefusal(answer));
  return {
    admission,
    information,
    findings: judgeProbe(admission.url.label, probe),
    refusesEpoch: tooOldByProbe || isTooOld(epoch, { ...question, information }),
  };
}

function judgeProbe(label: string, probe: Probe): Finding[] {
  if (probe.status === "unreached") {
    return [
      stop("reachable", {
        what: `\`${label}\` can't be reached: ${probe.reason}`,
        why: "there would be nothing to measure",
        remedy:
          "start the relay, check its port; `npx k6-nostr relay` starts one to try things out",
      }),
    ];
  }
  const refused = probe.answers.filter(({ accepted }) => accepted !== true);
  const reached = ok("reachable", `\`${label}\` opens connections`);
  if (probe.answers.length === 0) return [reached];
  if (refused.length === 0) {
    return [
      reached,
      ok("probe", `\`${label}\` took ${probe.answers.length} events like the run's`),
    ];
  }
  return [reached, ...refused.map((answer) => judgeRefusal(label, answer))];
}

function judgeRefusal(label: string, { accepted, message }: ProbeAnswer): Finding {
  const prefix = messagePrefix(message);
  const what =
    accepted === null
      ? `\`${label}\` did not answer a probe event: ${message}`
      : `\`${label}\` refused a probe event: \`${message}\``;
  if (accepted !== null && STOPPING.includes(prefix)) {
    return stop("probe", {
      what,
      why: "it would refuse the run's events alike, and only refusals be measured",
      remedy: "let the relay under test take events of any key",
    });
  }
  return advice("probe", {
    what,
    why: "events of the run may be refused alike",
    remedy: "look at the relay's limits; the report will count refusals by reason",
  });
}

/** Relays say it in words of their own (`created_at too early`, `event is too old`). */
function isAgeRefusal({ accepted, message }: ProbeAnswer): boolean {
  return accepted === false && /created_at|too old|too early|in the past/i.test(message);
}
