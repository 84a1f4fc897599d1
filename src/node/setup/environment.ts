import { constants } from "node:fs";
import { access, stat } from "node:fs/promises";
import { posix, win32 } from "node:path";

/** Environment variables, as `process.env` has them. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The variables of `env` whose names are listed, compared without regard to case, for a child
 * process that is to inherit nothing else. A name that ends in `*` stands for all that begin so.
 */
export function pickVariables(env: Environment, names: readonly string[]): NodeJS.ProcessEnv {
  const wanted = names.map((name) => name.toUpperCase());
  const isWanted = (name: string) =>
    wanted.some((want) =>
      want.endsWith("*") ? name.startsWith(want.slice(0, -1)) : name === want,
    );
  return Object.fromEntries(Object.entries(env).filter(([name]) => isWanted(name.toUpperCase())));
}

/** Every executable file called `name` on PATH, in order, as absolute paths. */
export async function findOnPath(
  name: string,
  env: Environment,
  platform: NodeJS.Platform,
): Promise<readonly string[]> {
  const path = platform === "win32" ? win32 : posix;
  const file = platform === "win32" ? `${name}.exe` : name;
  // A relative entry would run whatever lies in the folder the user happens to be in.
  const folders = (env.PATH ?? env.Path ?? "")
    .split(path.delimiter)
    .filter((folder) => path.isAbsolute(folder));
  const found: string[] = [];
  for (const folder of new Set(folders)) {
    const candidate = path.join(folder, file);
    if (await isExecutable(candidate)) found.push(candidate);
  }
  return found;
}

async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return (await stat(path)).isFile();
  } catch {
    // Not there, or not ours to run: for a search the two are the same.
    return false;
  }
}
