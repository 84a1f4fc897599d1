/** Programs of relays, built once and kept beside the k6 binary, outside the tree. */
import { createHash } from "node:crypto";
import { access, mkdir, mkdtemp, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { cacheDir } from "../../src/node/setup/cache.ts";

interface Wanted {
  readonly name: string;
  /** What the program is made from: another version or source is another program. */
  readonly of: readonly string[];
  /** The program's path within what `make` leaves. */
  readonly program: string;
  /** Fills a folder; throws `NotHad`. It is kept under another name, so that nothing in it may know its place. */
  readonly make: (dir: string) => Promise<void>;
}

/** The path of a program, made where it is not kept yet. A failure leaves nothing. */
export async function kept({ name, of, program, make }: Wanted): Promise<string> {
  const id = createHash("sha256").update(of.join("\0")).digest("hex").slice(0, 12);
  const root = join(cacheDir(process.env, process.platform), "relays");
  const place = join(root, `${name}-${id}`);
  if (await isThere(join(place, program))) return join(place, program);
  await mkdir(root, { recursive: true });
  const scratch = await mkdtemp(join(root, "making-"));
  try {
    await make(scratch);
    await rename(scratch, place);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
  return join(place, program);
}

export async function isThere(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}

/** The texts of files, to say what a program is made from. */
export async function textsOf(dir: string, files: readonly string[]): Promise<readonly string[]> {
  return await Promise.all(files.map((file) => readFile(join(dir, file), "utf8")));
}
