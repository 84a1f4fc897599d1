/** The times that a pool to be made may have, from those that are the same on any day to those of the run itself. */
import { POOL_SPAN_SEC } from "../../events/catalogue.ts";
import { mostSeconds } from "../../plan/duration.ts";
import { eventsNeeded, type Plan } from "../../plan/plan.ts";
import { SCENARIOS } from "../../plan/scenarios.ts";
import { DEFAULT_EPOCH } from "../../pool/plan.ts";
import { type Epoch, type PoolTimes, timesFrom, timesOfRun } from "../../pool/times.ts";
import { isTooOld } from "./ages.ts";
import type { Information } from "./information.ts";

const DAY_SEC = 86_400;
/** One core signs some 2,500 a second; others have work too. */
const SIGNED_A_SECOND = 1_000;
/** To start k6 and to open connections, where nothing is slow. */
const CONNECT_SEC = 10;

/** So long from now on the run begins, and it has ended at the latest. */
export interface Lead {
  readonly beginSec: number;
  readonly endSec: number;
}

export function leadOf(plan: Plan, isMade: boolean): Lead {
  // Each of several instances signs its part of what is published; what is asked about each makes whole.
  const share = plan.query === null ? plan.instances : 1;
  const signingSec = isMade ? 0 : eventsToMake(plan) / share / SIGNED_A_SECOND;
  return {
    beginSec: Math.ceil(signingSec) + CONNECT_SEC,
    endSec: mostSeconds(plan),
  };
}

/** Events of a pool, or of a corpus to ask about. */
export function eventsToMake(plan: Plan): number {
  if (plan.query === null) return SCENARIOS[plan.scenario].pool === "none" ? 0 : eventsNeeded(plan);
  return plan.query.corpus === "relay" ? 0 : plan.query.corpus;
}

/** Those that a person gave; else from the default on, each younger than the one before. */
export function listTimes(
  plan: Plan,
  nowMs: number,
  given?: Epoch,
): readonly [PoolTimes, ...PoolTimes[]] {
  const nowSec = nowMs / 1_000;
  // Ephemeral events are of the moment: strfry takes none that is a minute old.
  const isOfMoment = given === undefined && plan.fanout?.events === "ephemeral";
  if (given === "now" || isOfMoment) return [timesOfRun(plan, nowSec)];
  if (given !== undefined) return [timesFrom(given)];
  const yesterday = (Math.floor(nowSec / DAY_SEC) - 1) * DAY_SEC;
  return [timesFrom(DEFAULT_EPOCH), timesFrom(yesterday), timesOfRun(plan, nowSec)];
}

/** Those of the run: there are no younger ones. */
export function areOfRun({ spanSec }: PoolTimes): boolean {
  return spanSec !== POOL_SPAN_SEC;
}

export interface Announced {
  readonly informations: readonly {
    readonly admission: { readonly url: { readonly label: string } };
    readonly information: Information;
  }[];
  readonly kinds: readonly number[];
  readonly nowSec: number;
  readonly lead: Lead;
}

/** The place of the oldest times that every relay announces to take, else the last; and who takes no older ones. */
export function chooseTimes(
  all: readonly PoolTimes[],
  { informations, kinds, nowSec, lead }: Announced,
): { readonly place: number; readonly tooOldFor: string | null } {
  let tooOldFor: string | null = null;
  for (const [place, { epoch, spanSec, follows }] of all.entries()) {
    const createdAt = { min: epoch, max: epoch + spanSec };
    const laterSec = follows ? lead.beginSec : lead.endSec;
    const refusing = informations.find(({ information }) =>
      isTooOld({ kinds, createdAt }, { information, nowSec, laterSec }),
    );
    if (refusing === undefined) return { place, tooOldFor };
    tooOldFor ??= refusing.admission.url.label;
  }
  return { place: all.length - 1, tooOldFor };
}

/** `null` for times that need no word. */
export function describeTimes(
  times: PoolTimes,
  tooOldFor: string | null,
  given?: Epoch,
): string | null {
  if (given === "now") return "its events get the times of the run, so ids differ from run to run";
  if (tooOldFor === null || given !== undefined) return null;
  const lead = `\`${tooOldFor}\` takes no events as old as the default pool's`;
  return areOfRun(times)
    ? `${lead}, nor of yesterday: they get the times of the run, so ids differ from run to run`
    : `${lead}: its first event is of ${new Date(times.epoch * 1_000).toISOString().slice(0, 10)}, so ids differ from day to day`;
}
