/** How the scenario `fanout` makes its drivers: one that publishes, and one for those that subscribe. */
import { mayBeEphemeral } from "../../src/pool/format.ts";
import { rowTypes } from "../../src/report/rows.ts";
import type { Client } from "./connection/client.ts";
import { createDeliverer } from "./delivery/deliverer.ts";
import { layOut } from "./delivery/layout.ts";
import { createFrameSource, type FrameSource, type OpenAt } from "./frames/frame-source.ts";
import { createPublisher } from "./publish/publisher.ts";
import { admitShare, type Origin, runVu } from "./scenario.ts";
import type { Script } from "./script.ts";
import { splitClients } from "./split.ts";

/** Runs the VU that this is, with some that publish and some that subscribe. */
export async function fanoutShare(
  script: Script,
  openAt: OpenAt,
  origin: Origin | null | undefined,
): Promise<void> {
  const { plan, pool, run } = script;
  const { fanout } = plan;
  const more =
    fanout !== null && pool.types.join() === plan.mix.replace(/:1$/, "")
      ? []
      : [`the pool holds \`${pool.types.join()}\`, and the plan asks for \`${plan.mix}\``];
  const share = admitShare(script, origin, more);
  if (share === null || fanout === null) return;
  const layout = layOut(plan, fanout, share);
  const frames = await createFrameSource(openAt, pool, share, plan.vus);
  const probes = await takeLines(frames, layout.topics);
  await runVu(script, share, origin, (ground) => {
    const publishers = ground.clients.slice(0, layout.publishers);
    const { largestFrame, createdAt } = pool;
    const deliverer = createDeliverer(ground, {
      ...{ fanout, layout, publishers, probes, largestFrame },
      since: createdAt.min,
      whenRead(nowMs) {
        publisher.work(nowMs);
        return publisher.wakeMs;
      },
    });
    const publisher = createPublisher(
      { ...ground, clients: publishers },
      {
        types: rowTypes(pool).length,
        mayBeEphemeral: pool.types.map((type) => mayBeEphemeral(pool, type)),
        ...{ largestFrame, hasSets: false, frames },
        auditEvery: run.auditEvery,
        following: deliverer.following,
      },
    );
    const mayPublish = ({ index }: Client) => index < layout.publishers;
    return [splitClients(publisher, deliverer, mayPublish), deliverer];
  });
}

/** The next lines, however long their chunks are under way. */
async function takeLines(frames: FrameSource, count: number): Promise<readonly string[]> {
  const lines: string[] = [];
  while (lines.length < count) {
    const line = frames.next();
    if (line !== undefined) lines.push(line);
    else if (!frames.isStarved())
      throw new Error(`the pool has ${lines.length} of ${count} topics`);
    else await new Promise<void>((resolve) => setTimeout(resolve, 1));
  }
  return lines;
}
