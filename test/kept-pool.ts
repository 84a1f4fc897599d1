/** Pools that tests only read, kept between files and runs: signing one takes longer than most tests. */
import { fileURLToPath } from "node:url";
import { ensurePool } from "../src/node/pool/cache.ts";
import type { PoolRequest } from "../src/pool/plan.ts";

const ROOT = fileURLToPath(new URL("../build/dist/test-pools", import.meta.url));

/** The folder of a request's pool: the one kept if it is whole, or a new one. */
export async function keepPool(request: PoolRequest): Promise<string> {
  return (await ensurePool({ ...request, root: ROOT })).dir;
}
