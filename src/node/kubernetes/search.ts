/** The trials of a search carried out by pods: each is a Job of its own, made, followed and removed as that of a run. */
import { randomInt } from "node:crypto";
import { resolve } from "node:path";
import { ConfigError, Interrupted } from "../../errors.ts";
import { optionLabel } from "../../plan/options.ts";
import type { Plan } from "../../plan/plan.ts";
import type { Asked } from "../asked.ts";
import type { CarriedTrial, Generator, Ready } from "../capacity/generator.ts";
import type { Supplies } from "../capacity/stock.ts";
import { refuseByText } from "../guard/refuse.ts";
import { preflight, refuseStops } from "../preflight/preflight.ts";
import { areOfRun } from "../preflight/times.ts";
import { makeRunDir } from "../report-files.ts";
import type { RunRequest } from "../run/driven.ts";
import { admitFor } from "../run/prepare.ts";
import { asksAgain } from "../seed.ts";
import { Api, type Cluster } from "./api.ts";
import { CORES_OF_POD, type Flags, jobOfPods, type Pods, readPods } from "./asked.ts";
import { CLOCK, type Clock } from "./clock.ts";
import { RIGHTS_OF } from "./engine.ts";
import { refuseWithoutRights } from "./rights.ts";
import { runByPods } from "./run.ts";

/** Pods sign what they send, each its part, within the lead of their Job. */
const SIGNED_BY_PODS: Supplies = {
  left: Number.POSITIVE_INFINITY,
  signedPerSec: 1,
  signedSec: 0,
  take: () => Promise.reject(new Error("pods have events of their own")),
  close: async () => {},
};

/** Throws `ConfigError`; the cluster is asked when the search begins. */
export function searchByPods(asked: Asked, flags: Flags, by: By = BY_KUBECTL): Generator {
  const pods = readPods(asked, flags);
  if (pods.engine !== "job") {
    throw new ConfigError("a search is by --engine job: each trial has events of its own");
  }
  if (pods.startAtMs !== null) {
    throw new ConfigError(
      `${optionLabel("startAt")} is for a single run: trials follow each other`,
    );
  }
  let opened: Promise<OpenCluster> | null = null;
  return {
    cores: CORES_OF_POD,
    mayShare: true,
    openStock: () => SIGNED_BY_PODS,
    prepare: async (request) => {
      opened ??= by.open(pods);
      return await prepareByPods(request, pods, { clock: by.clock, api: await opened });
    },
    close: async () => {
      const api = await opened?.catch(() => null);
      await api?.close();
    },
  };
}

type OpenCluster = Cluster & Pick<Api, "close">;

/** The way to a cluster. */
interface By {
  readonly open: (pods: Pods) => Promise<OpenCluster>;
  readonly clock: Clock;
}

const BY_KUBECTL: By = { open: openApi, clock: CLOCK };

interface Place extends Pick<By, "clock"> {
  readonly api: Cluster;
}

async function openApi({ namespace, engine }: Pods): Promise<Api> {
  const api = await Api.open(namespace);
  try {
    await refuseWithoutRights(api, RIGHTS_OF[engine]);
    return api;
  } catch (error) {
    await api.close();
    throw error;
  }
}

/** The gate, and what the relays say, asked from here: between trials they are looked at from here too. */
async function prepareByPods(request: RunRequest, pods: Pods, place: Place): Promise<Ready> {
  const { plan, terminal, epoch, force = false } = request;
  refuseByText(plan);
  const admissions = await admitFor(plan, request.ca);
  for (const { url, reason } of admissions) terminal.note(`relay       ${url.label}: ${reason}`);
  const checked = await preflight({ plan, admissions, poolDir: undefined, epoch, force });
  refuseStops(checked.findings);
  const { times } = checked;
  const more = { EPOCH: areOfRun(times) ? "now" : String(times.epoch), ...pods.more };
  return {
    ...{ request, admissions, checked, calibration: null },
    about: { k6: null, host: { cpus: null, memoryBytes: null, platform: null } },
    readMachine: async () => null,
    lookHere: async () => {},
    carryOut: (trial) => carryOut(trial.request, { ...pods, more }, place),
  };
}

async function carryOut(request: RunRequest, pods: Pods, place: Place): Promise<CarriedTrial> {
  const { terminal, signal, trial } = request;
  await trial?.onReady();
  if (signal.aborted) throw new Interrupted("interrupted before anything was sent");
  const plan = { ...request.plan, seed: seedOf(request) };
  const job = jobOfPods(pods, plan, place.clock.nowMs());
  const runDir = resolve(await makeRunDir(plan.reportDir, job.runId));
  // Where an instance dies the trial says nothing: the others need not go on.
  const own = { failFast: true, isKept: false };
  const report = await runByPods({ ...place, job, ...own, terminal, signal });
  return { report, runDir, outcome: { stopped: signal.aborted ? "interrupted" : null } };
}

/**
 * What is asked about is the same in all trials. What is published is new in each, also where a search goes on that was
 * stopped: it must not send again what it sent before.
 */
function seedOf({ plan, trial }: Pick<RunRequest, "trial"> & { readonly plan: Plan }): string {
  if (asksAgain(plan.scenario)) return trial?.corpusSeed ?? plan.seed;
  return `${plan.seed.slice(0, 24)}-${randomInt(36 ** 4).toString(36)}`;
}
