/** k6 under supervision, with all that it is given: bundle, pool, companion, what it may dial. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { buildBundles } from "../../../build/bundle.ts";
import { Interrupted } from "../../errors.ts";
import { hostsFor } from "../../guard/dialer.ts";
import { cutAtSec } from "../../plan/connect.ts";
import { mostSeconds } from "../../plan/duration.ts";
import { SCENARIOS } from "../../plan/scenarios.ts";
import { startCompanion } from "../companion/companion.ts";
import { writeBundle } from "../guard/authorities.ts";
import { policyOf } from "../guard/policy.ts";
import { k6Arguments, k6Environment } from "../k6/environment.ts";
import { superviseK6 } from "../k6/supervise.ts";
import { LiveRun } from "../live.ts";
import { servePoolTo } from "../pool/serve.ts";
import { readMachine } from "../preflight/machine.ts";
import { startProfile } from "../profile/profiler.ts";
import { slowReadersOf } from "../slow-readers/of-run.ts";
import { dialledBy } from "./dialled.ts";
import type { Drive, Driven } from "./driven.ts";
import { openHandshakeDesk } from "./handshakes.ts";
import { k6RequestOf } from "./k6-request.ts";
import { planRestart } from "./restart.ts";

export async function drive(request: Drive): Promise<Driven> {
  const { plan, k6, admissions, terminal, runDir } = request;
  const hosts = Object.assign({}, ...admissions.map((a) => hostsFor(a.url.host, a.addresses)));
  const { isolation } = policyOf(plan);
  const allowed = dialledBy(admissions, hosts, isolation);
  const { part } = request;
  // Several on one machine would write the same files.
  const bundles = await buildBundles(part === undefined ? undefined : join(runDir, "dist")).catch(
    (cause) => {
      // Ctrl-C reaches what bundles as well.
      if (!request.signal.aborted) throw cause;
      throw new Interrupted("interrupted before anything was sent", { cause });
    },
  );
  const { poolDir } = request;
  const served = poolDir === null ? null : await servePoolTo(allowed, poolDir);
  const live = new LiveRun(plan, request.pool);
  const companion = await startCompanion({
    plan,
    admissions,
    relayPid: request.relayPid,
    relayMetrics: request.metricsAt,
    live,
  });
  terminal.note(`companion   ${companion.url}/metrics`);
  const authorities =
    request.ca && (await writeBundle(runDir, request.ca, process.env.SSL_CERT_FILE));
  const k6Request = k6RequestOf(request, {
    script: join(bundles, `${SCENARIOS[plan.scenario].script}.js`),
    allowed,
    hosts,
    isolation,
    poolUrl: served?.url ?? null,
    companionUrl: companion.url,
    authorities,
    machine: await readMachine(),
  });
  const handshakes = openHandshakeDesk(admissions, ({ status, text }) =>
    terminal.note(`handshake   ${status ?? "no answer"}${text === "" ? "" : ` ${text}`}`),
  );
  const restart = planRestart({
    command: request.restartRelay,
    atSec: plan.connect === null ? 0 : cutAtSec(plan.connect, plan.clients),
    onNote: (text) => terminal.note(`restart     ${text}`),
  });
  const slowReaders = slowReadersOf(request);
  const profile = startProfile(request.profiler, plan.durationSec);
  const ticker = setInterval(() => terminal.status(live.describe(Date.now())), 1_000);
  const startedAtMs = Date.now();
  try {
    const outcome = await superviseK6({
      binary: k6.path,
      args: k6Arguments(k6Request),
      environment: k6Environment(k6Request, process.env),
      cwd: process.cwd(),
      vus: plan.vus / plan.instances,
      mostMs: mostSeconds(plan) * 1_000 + Math.max(0, (part?.startAtMs ?? 0) - Date.now()),
      onStart: (pid) => companion.watchGenerator(pid),
      onSlice: (slice) => {
        live.add(slice, Date.now());
        companion.observe(slice);
        handshakes.observe(slice);
        restart.observe(live.windowStartUnixMs);
        slowReaders?.observe(live.windowStartUnixMs);
        profile.observe(slice);
      },
      ...(part === undefined ? {} : { onFigures: part.onFigures }),
      signal: request.signal,
    });
    const profiled = await profile.end();
    return {
      ...request,
      live,
      outcome,
      companion: await companion.close(),
      handshakes: await handshakes.close(),
      slowReaders: (await slowReaders?.close()) ?? null,
      profiled,
      startedAtMs,
    };
  } finally {
    clearInterval(ticker);
    await restart.close();
    await slowReaders?.close();
    if (authorities) await rm(authorities, { force: true });
    await served?.close();
    await companion.close();
    terminal.clear();
  }
}
