/** Images without a registry or an engine: a Docker archive is a tar of one layer and two texts (docker image spec 1.2). */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { chmod, cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { must } from "../compose/shell.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

export const IMAGES = {
  pause: "localhost/pause:1",
  /** As the Dockerfile makes it: Node, k6, the command line. */
  k6Nostr: "localhost/k6-nostr:test",
  /** As k6's own is: k6. */
  k6: "localhost/k6:test",
} as const;

export interface Sources {
  readonly dir: string;
  readonly pause: string;
  readonly k6: string;
}

/** Archives of all images. */
export async function packImages({ dir, pause, k6 }: Sources): Promise<readonly string[]> {
  return [
    await pack(dir, IMAGES.pause, ["/pause"], (root) => cp(pause, join(root, "pause"))),
    await pack(dir, IMAGES.k6, ["/usr/bin/k6"], async (root) => {
      await cp(k6, join(root, "usr/bin/k6"));
    }),
    await pack(dir, IMAGES.k6Nostr, ["/usr/bin/node"], (root) => layOut(root, k6)),
  ];
}

/** Folders and commands are those of the Dockerfile. */
async function layOut(root: string, k6: string): Promise<void> {
  await cp(process.execPath, join(root, "usr/bin/node"));
  await cp(k6, join(root, "usr/local/bin/k6"));
  for (const library of await librariesOf(process.execPath)) {
    await cp(library, join(root, library), { dereference: true });
  }
  await mkdir(join(root, "etc"), { recursive: true });
  await writeFile(join(root, "etc/passwd"), "nobody:x:65532:65532::/:/none\n");
  await writeFile(join(root, "etc/hosts"), "127.0.0.1 localhost\n");
  const app = join(root, "app");
  for (const name of ["package.json", "tsconfig.json", "bin", "build", "k6", "src"]) {
    const filter = (path: string) => !path.startsWith(join(ROOT, "build/dist"));
    await cp(join(ROOT, name), join(app, name), { recursive: true, filter });
  }
  for (const name of await packagesToRun()) {
    await cp(join(ROOT, name), join(app, name), { recursive: true });
  }
  await mkdir(join(root, "tmp"));
  await chmod(join(root, "tmp"), 0o1777);
}

/** What `npm ci --omit=dev` would install, of what is here. */
async function packagesToRun(): Promise<readonly string[]> {
  const text = await readFile(join(ROOT, "node_modules/.package-lock.json"), "utf8");
  const { packages } = JSON.parse(text) as { packages: Record<string, { dev?: boolean }> };
  return Object.entries(packages).flatMap(([name, { dev }]) => (dev ? [] : [name]));
}

async function librariesOf(program: string): Promise<readonly string[]> {
  const lines = (await must(["ldd", program])).split("\n");
  return lines.flatMap((line) => /(\/\S+) \(0x/.exec(line)?.[1] ?? []);
}

async function pack(
  dir: string,
  name: string,
  entrypoint: readonly string[],
  fill: (root: string) => Promise<void>,
): Promise<string> {
  const work = await mkdtemp(join(dir, "image-"));
  try {
    const root = join(work, "root");
    await mkdir(root);
    await fill(root);
    const layer = join(work, "layer.tar");
    const owner = ["--owner=0", "--group=0", "--numeric-owner"];
    await must(["tar", ...owner, "-C", root, "-cf", layer, "."]);
    const config = JSON.stringify({
      architecture: process.arch === "x64" ? "amd64" : process.arch,
      os: "linux",
      config: {
        Env: ["PATH=/usr/local/bin:/usr/bin:/bin"],
        Entrypoint: entrypoint,
      },
      rootfs: { type: "layers", diff_ids: [`sha256:${await sha256Of(layer)}`] },
    });
    const configName = `${createHash("sha256").update(config).digest("hex")}.json`;
    await writeFile(join(work, configName), config);
    const manifest = [{ Config: configName, RepoTags: [name], Layers: ["layer.tar"] }];
    await writeFile(join(work, "manifest.json"), JSON.stringify(manifest));
    const archive = join(dir, `${name.replace(/\W/g, "-")}.tar`);
    await must(["tar", "-C", work, "-cf", archive, "manifest.json", configName, "layer.tar"]);
    return archive;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const piece of createReadStream(path)) hash.update(piece as Buffer);
  return hash.digest("hex");
}
