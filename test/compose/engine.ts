/**
 * A Docker engine with compose: the one that runs, or, as root on Debian, one of this test's own that
 * touches neither addresses nor rules of the machine and knows the networks `host` and `none` alone.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { answers, must, run } from "./shell.ts";

export interface Engine {
  /** For `docker`: where the engine and the compose plugin are. */
  readonly env: Readonly<Record<string, string>>;
  /** Started here: it can pull nothing, and only host networking works. */
  readonly isOwn: boolean;
  stop(): Promise<void>;
}

/** `dir` takes what the engine stores. Throws when there is none and none may be started. */
export async function obtainEngine(dir: string): Promise<Engine> {
  if ((await answers("docker", "version")) && (await answers("docker", "compose", "version"))) {
    return { env: {}, isOwn: false, stop: async () => {} };
  }
  const mayInstall = process.getuid?.() === 0 && (await answers("apt-get", "--version"));
  if (!mayInstall) {
    throw new Error("no Docker engine with compose answers, and only root on Debian can start one");
  }
  await install({ dockerd: "docker.io", debootstrap: "debootstrap" });
  const config = join(dir, "config");
  await obtainCompose(dir, join(config, "cli-plugins"));
  const socket = `unix://${join(dir, "docker.sock")}`;
  const child = spawn("dockerd", engineArguments(dir, socket), { stdio: "ignore" });
  const env = { DOCKER_HOST: socket, DOCKER_CONFIG: config, DOCKER_BUILDKIT: "0" };
  const stop = () => stopEngine(child);
  if (await isUp(child, env)) return { env, isOwn: true, stop };
  await stop();
  throw new Error("dockerd was started and did not answer within a minute");
}

async function install(packages: Readonly<Record<string, string>>): Promise<void> {
  for (const [program, name] of Object.entries(packages)) {
    if (await answers("sh", "-c", `command -v ${program}`)) continue;
    await must(["apt-get", "update"]);
    await must(["apt-get", "install", "-y", "--no-install-recommends", name]);
  }
}

function engineArguments(dir: string, socket: string): readonly string[] {
  return [
    `--host=${socket}`,
    `--data-root=${join(dir, "data")}`,
    `--exec-root=${join(dir, "exec")}`,
    `--pidfile=${join(dir, "docker.pid")}`,
    "--bridge=none",
    "--iptables=false",
    "--ip6tables=false",
    "--ip-forward=false",
    "--ip-masq=false",
    "--userland-proxy=false",
  ];
}

async function isUp(child: ChildProcess, env: Readonly<Record<string, string>>): Promise<boolean> {
  for (let turn = 0; turn < 120 && child.exitCode === null; turn++) {
    if ((await run(["docker", "version"], { env, limitMs: 5_000 })).code === 0) return true;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  return false;
}

async function stopEngine(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const ended = once(child, "close");
  child.kill("SIGTERM");
  await ended;
}

/** Debian's own compose plugin, unpacked and not installed: stable's is older than what we need. */
async function obtainCompose(dir: string, plugins: string): Promise<void> {
  await mkdir(plugins, { recursive: true });
  const place = join(dir, "compose");
  for (const folder of ["lists/partial", "cache/partial", "unpacked"]) {
    await mkdir(join(place, folder), { recursive: true });
  }
  const sources = join(place, "sources.list");
  const keys = "/usr/share/keyrings/debian-archive-keyring.gpg";
  await writeFile(sources, `deb [signed-by=${keys}] http://deb.debian.org/debian trixie main\n`);
  const own = [
    `Dir::Etc::sourcelist=${sources}`,
    "Dir::Etc::sourceparts=-",
    `Dir::State::lists=${join(place, "lists")}`,
    `Dir::Cache=${join(place, "cache")}`,
    "APT::Sandbox::User=root",
  ].flatMap((option) => ["-o", option]);
  await must(["apt-get", ...own, "update"]);
  await must(["apt-get", ...own, "download", "docker-compose"], { cwd: place });
  const file = (await readdir(place)).find((name) => name.endsWith(".deb")) ?? "";
  await must(["dpkg-deb", "-x", join(place, file), join(place, "unpacked")]);
  const plugin = "usr/libexec/docker/cli-plugins/docker-compose";
  await symlink(join(place, "unpacked", plugin), join(plugins, "docker-compose"));
}
