/** Tries one admitted relay with events like the run's: does it open connections, and what does it take. */
import type { Mix } from "../../events/mix.ts";
import type { Reason } from "../../nostr/reason.ts";
import type { NostrEvent } from "../../nostr/wire.ts";
import type { Admission } from "../guard/gate.ts";
import type { Finding } from "./finding.ts";
import type { Information } from "./information.ts";
import { isRateLimit, judgeProbe } from "./judge.ts";
import { probeRelay } from "./probe.ts";
import { makeSample, type Sample } from "./sample.ts";

/** What most relays take, whatever else they refuse. */
const COMMON_MIX = "note:1";

export interface RelayQuestion {
  readonly admission: Admission;
  readonly information: Information;
  readonly sample: Sample;
  /** `null`: the events are there, and no mix can leave any out. */
  readonly mix: Mix | null;
}

export interface RelayAnswer {
  readonly admission: Admission;
  readonly information: Information;
  readonly findings: readonly Finding[];
  /** The events of probes that it took. */
  readonly taken: readonly NostrEvent[];
  /** Of those, what it had not before. */
  readonly kept: readonly NostrEvent[];
  readonly refusedFor: ReadonlySet<Reason>;
  readonly isReached: boolean;
  /** It refused events for an age that younger ones would not have. */
  readonly refusesAge: boolean;
}

/** Publishes the sample's probes, and a note where it refuses all of them for what they are. */
export async function askRelay(question: RelayQuestion): Promise<RelayAnswer> {
  const { admission, information, sample, mix } = question;
  const { label } = admission.url;
  const events = sample.probes.map(({ event }) => event);
  const asked = { label, sample, mix, probe: await probeRelay(admission, events, isRateLimit) };
  const judged = judgeProbe(asked);
  const isReached = asked.probe.status === "reached";
  if (!judged.refusesAll || mix === null) return { admission, information, isReached, ...judged };
  const common = await makeSample(COMMON_MIX, { epoch: sample.createdAt.min });
  const [note] = common.probes;
  if (note === undefined) throw new Error("a sample has no events");
  const other = await probeRelay(admission, [note.event]);
  const taken =
    other.status === "reached"
      ? other.answers.filter(({ outcome }) => outcome === "accepted").map(({ event }) => event)
      : [];
  const takes = taken.length > 0 ? COMMON_MIX : null;
  return {
    admission,
    information,
    isReached,
    ...judgeProbe({ ...asked, takes }),
    taken,
    kept: taken,
  };
}
