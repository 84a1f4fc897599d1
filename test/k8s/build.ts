/**
 * Kubernetes as one program, from its Go modules, and what Debian packages beside it: got once, kept in the cache under
 * the hash of all that they are made of. Nothing is installed.
 */
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rename, rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { cacheDir } from "../../src/node/setup/cache.ts";
import { answers, must } from "../compose/shell.ts";

const MODULE = fileURLToPath(new URL("kubernetes/", import.meta.url));
/** A container engine that speaks CRI, what starts its containers, and where the API server keeps all. */
const PACKAGES = ["containerd", "runc", "etcd-server"];
const BUILD_MS = 45 * 60_000;

export interface Programs {
  /** Holds `kubernetes`, `kubectl` and `pause`. */
  readonly kubernetes: string;
  /** Folders of containerd, ctr, runc and etcd. */
  readonly tools: readonly string[];
}

/** Why none of this can be had here; `null` where it can. */
export async function findObstacle(): Promise<string | null> {
  if (process.platform !== "linux" || process.getuid?.() !== 0) {
    return "a node of Kubernetes needs root on Linux";
  }
  if (!(await answers("go", "version"))) return "there is no Go to build Kubernetes with";
  if (!(await answers("apt-get", "--version"))) return "containerd and etcd come from Debian";
  return null;
}

export async function obtainPrograms(note: (text: string) => void): Promise<Programs> {
  const kept = cacheDir(process.env, process.platform);
  await mkdir(kept, { recursive: true });
  const kubernetes = await once(join(kept, `kubernetes-${await hashOfModule()}`), (dir) => {
    note("building Kubernetes from its Go modules: 5 minutes and more, 4 GB of Go's build cache");
    return build(dir);
  });
  const debian = await once(join(kept, "kubernetes-debian-12"), unpack);
  return { kubernetes, tools: ["usr/bin", "usr/sbin"].map((place) => join(debian, place)) };
}

/** A folder that is there whole or not at all. */
async function once(dir: string, make: (dir: string) => Promise<void>): Promise<string> {
  if ((await readdir(dir).catch(() => [])).length > 0) return dir;
  const scratch = await mkdtemp(`${dir}-`);
  try {
    await make(scratch);
    await rename(scratch, dir);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
  return dir;
}

async function hashOfModule(): Promise<string> {
  const hash = createHash("sha256");
  for (const file of ["go.sum", "go.mod", "main.go", "pause/main.go"]) {
    hash.update(await readFile(join(MODULE, file)));
  }
  return hash.digest("hex").slice(0, 12);
}

async function build(dir: string): Promise<void> {
  const goMod = await readFile(join(MODULE, "go.mod"), "utf8");
  const version = /^require k8s\.io\/kubernetes (v1\.(\d+)\.\d+)$/m.exec(goMod);
  if (version === null) throw new Error("go.mod does not say which Kubernetes");
  // Without it a node calls itself v0.0.0, and the API server's rules on ages of versions speak of that.
  const set = ["k8s.io/component-base/version", "k8s.io/client-go/pkg/version"].flatMap((name) => [
    `-X ${name}.gitVersion=${version[1]}`,
    `-X ${name}.gitMajor=1 -X ${name}.gitMinor=${version[2]} -X ${name}.gitTreeState=clean`,
  ]);
  const go = ["nice", "-n", "15", "go", "build", "-mod=readonly", "-trimpath"];
  const start = { cwd: MODULE, env: { CGO_ENABLED: "0", GOWORK: "off" }, limitMs: BUILD_MS };
  await must(
    [...go, "-ldflags", `-s -w ${set.join(" ")}`, "-o", join(dir, "kubernetes"), "."],
    start,
  );
  await must([...go, "-ldflags", "-s -w", "-o", join(dir, "pause"), "./pause"], start);
  await symlink("kubernetes", join(dir, "kubectl"));
}

async function unpack(dir: string): Promise<void> {
  const archives = await mkdtemp(join(dir, "archives-"));
  if (!(await answers("apt-cache", "show", ...PACKAGES))) await must(["apt-get", "update"]);
  await must(["apt-get", "download", ...PACKAGES], { cwd: archives });
  for (const name of await readdir(archives)) await must(["dpkg", "-x", join(archives, name), dir]);
  await rm(archives, { recursive: true });
}
