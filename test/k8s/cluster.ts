/**
 * A Kubernetes of one node or more on this machine: API server, controllers, scheduler, and for each node a kubelet
 * with its own containerd. All listen on loopback addresses, keep what they have in one folder, and touch neither
 * networks nor rules of the machine: pods have the network of their node, and no plugin is ever called.
 */
import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { mkdir, readdir, rm, rmdir, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { delimiter, join } from "node:path";
import { must, run } from "../compose/shell.ts";
import type { Programs } from "./build.ts";
import { containerdToml, kubeletConfig, type Node, nodeIn } from "./node.ts";
import { kill, Processes, processesWith } from "./processes.ts";

const READY_MS = 180_000;
/** What kubelet and shims make outside of a folder of ours. */
const OUTSIDE = ["/var/log/containers", "/var/lib/kubelet", "/run/containerd"];

/** Who asks: one may do all, the other nothing until a role says so. */
export type User = "admin" | "loader";

export interface ClusterRequest {
  /** For all that it keeps; removed when it stops. */
  readonly dir: string;
  readonly programs: Programs;
  readonly nodes: readonly string[];
  readonly images: readonly string[];
}

export class Cluster {
  readonly nodes: readonly Node[];
  readonly #request: ClusterRequest;
  readonly #path: string;
  readonly #processes: Processes;
  readonly #before = new Set(OUTSIDE.filter((path) => existsSync(path)));
  readonly #groupsBefore = new Set<string>();

  private constructor(request: ClusterRequest, ports: readonly number[]) {
    const { dir, programs, nodes } = request;
    this.#request = request;
    this.nodes = nodes.map((name) => nodeIn(dir, name, ports[0] ?? 0));
    this.#path = [programs.kubernetes, ...programs.tools, process.env.PATH].join(delimiter);
    this.#processes = new Processes(join(dir, "log"), { ...process.env, PATH: this.#path });
  }

  static async start(request: ClusterRequest): Promise<Cluster> {
    const ports = await freePorts(4);
    const cluster = new Cluster(request, ports);
    try {
      await cluster.#start(ports);
      return cluster;
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  }

  /** For what asks as somebody: where the cluster is, and its `kubectl`. */
  envFor(user: User): Readonly<Record<string, string>> {
    return { PATH: this.#path, KUBECONFIG: join(this.#request.dir, `${user}.json`) };
  }

  async kubectl(...args: readonly string[]): Promise<string> {
    return await must(["kubectl", ...args], { env: this.envFor("admin") });
  }

  /** The process of each container of a node, by its own id. */
  async tasksOf({ socket }: Node): Promise<readonly number[]> {
    const text = await must([...this.#ctr(socket), "tasks", "ls"], { env: this.envFor("admin") });
    return text.split("\n").flatMap((line) => {
      const [, id = ""] = line.split(/\s+/);
      return /^\d+$/.test(id) ? [Number(id)] : [];
    });
  }

  /** As by a power cut: all at once, and nothing is said. */
  async killNode(node: Node): Promise<void> {
    const tasks = await this.tasksOf(node);
    await this.#processes.stop(`kubelet-${node.name}`, "SIGKILL");
    for (const id of [...processesWith(node.socket), ...tasks]) kill(id);
  }

  async stop(): Promise<void> {
    for (const { name } of this.nodes) await this.#processes.stop(`kubelet-${name}`);
    for (const name of ["scheduler", "controllers", "api"]) await this.#processes.stop(name);
    for (const { name, socket } of this.nodes) {
      if (this.#processes.has(`containerd-${name}`)) await this.#removeContainers(socket);
      await this.#processes.stop(`containerd-${name}`);
      for (const id of processesWith(socket)) kill(id);
    }
    await this.#processes.stop("etcd");
    await this.#clear();
  }

  async #start([, api = 0, etcd = 0, etcdPeers = 0]: readonly number[]) {
    const { dir, images, programs } = this.#request;
    for (const group of await groupsOfContainers()) this.#groupsBefore.add(group);
    await this.#writeFiles(api);
    const kubernetes = join(programs.kubernetes, "kubernetes");
    const at = (port: number) => `http://127.0.0.1:${port}`;
    await this.#processes.start("etcd", [
      "etcd",
      `--data-dir=${join(dir, "etcd")}`,
      ...[`--listen-client-urls=${at(etcd)}`, `--advertise-client-urls=${at(etcd)}`],
      ...[`--listen-peer-urls=${at(etcdPeers)}`, `--initial-advertise-peer-urls=${at(etcdPeers)}`],
      ...[`--initial-cluster=default=${at(etcdPeers)}`, "--log-level=warn"],
    ]);
    for (const { name, dir: own } of this.nodes) {
      await this.#processes.start(`containerd-${name}`, [
        "containerd",
        `--config=${join(own, "containerd.toml")}`,
      ]);
    }
    await this.#processes.start("api", [kubernetes, ...apiServer(dir, api, at(etcd))]);
    await this.#until("api", "get", "--raw", "/readyz");
    const asAdmin = `--kubeconfig=${join(dir, "admin.json")}`;
    const alone = [asAdmin, "--leader-elect=false", "--secure-port=0"];
    await this.#processes.start("controllers", [
      ...[kubernetes, "kube-controller-manager", ...alone],
      `--service-account-private-key-file=${join(dir, "accounts.key")}`,
      `--root-ca-file=${join(dir, "certificates/apiserver.crt")}`,
      `--flex-volume-plugin-dir=${join(dir, "flex")}`,
      ...["--node-monitor-period=2s", "--node-monitor-grace-period=12s"],
    ]);
    await this.#processes.start("scheduler", [kubernetes, "kube-scheduler", ...alone]);
    for (const { name, dir: own, socket } of this.nodes) {
      for (const image of images) {
        await must([...this.#ctr(socket), "images", "import", image], {
          env: this.envFor("admin"),
        });
      }
      await this.#processes.start(`kubelet-${name}`, [
        ...[kubernetes, "kubelet", asAdmin, `--config=${join(own, "kubelet.json")}`],
        ...[`--hostname-override=${name}`, `--root-dir=${join(own, "kubelet")}`],
        `--cert-dir=${join(own, "certificates")}`,
      ]);
    }
    for (const { name } of this.nodes) {
      await this.#until(
        `kubelet-${name}`,
        "wait",
        "--for=condition=Ready",
        `node/${name}`,
        "--timeout=5s",
      );
    }
    // Until it is there pods are refused.
    await this.#until("controllers", "get", "serviceaccount", "default");
  }

  async #writeFiles(api: number): Promise<void> {
    const { dir, programs } = this.#request;
    const cni = join(dir, "cni");
    await mkdir(cni, { recursive: true });
    const { privateKey } = generateKeyPairSync("rsa", {
      modulusLength: 2_048,
      privateKeyEncoding: { type: "pkcs1", format: "pem" },
      publicKeyEncoding: { type: "pkcs1", format: "pem" },
    });
    await writeFile(join(dir, "accounts.key"), privateKey, { mode: 0o600 });
    await writeFile(
      join(dir, "tokens.csv"),
      'of-admin,admin,1,"system:masters"\nof-loader,loader,2\n',
    );
    for (const user of ["admin", "loader"]) {
      const config = {
        apiVersion: "v1",
        kind: "Config",
        clusters: [
          {
            name: "c",
            cluster: { server: `https://127.0.0.1:${api}`, "insecure-skip-tls-verify": true },
          },
        ],
        users: [{ name: "u", user: { token: `of-${user}` } }],
        contexts: [{ name: "x", context: { cluster: "c", user: "u" } }],
        "current-context": "x",
      };
      await writeFile(join(dir, `${user}.json`), JSON.stringify(config));
    }
    // Read only so that containerd calls the network ready.
    const network = { cniVersion: "0.4.0", name: "none", plugins: [{ type: "loopback" }] };
    await writeFile(join(cni, "10-none.conflist"), JSON.stringify(network));
    const runc = join(programs.tools.at(-1) ?? "", "runc");
    for (const node of this.nodes) {
      await mkdir(node.dir, { recursive: true });
      await writeFile(join(node.dir, "containerd.toml"), containerdToml(node, runc, cni));
      await writeFile(join(node.dir, "kubelet.json"), kubeletConfig(node));
    }
  }

  #ctr(socket: string): readonly string[] {
    return ["ctr", `--address=${socket}`, "--namespace=k8s.io"];
  }

  /** Until `kubectl` gives what is asked for; `name` is whose fault it is where it never does. */
  async #until(name: string, ...args: readonly string[]): Promise<void> {
    const lastMs = Date.now() + READY_MS;
    while (Date.now() < lastMs && this.#processes.has(name)) {
      const { code } = await run(["kubectl", ...args], {
        env: this.envFor("admin"),
        limitMs: 10_000,
      });
      if (code === 0) return;
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
    throw new Error(`${name} is not ready:\n${await this.#processes.lastWords(name)}`);
  }

  async #removeContainers(socket: string): Promise<void> {
    const env = this.envFor("admin");
    const ctr = this.#ctr(socket);
    for (const kind of ["tasks", "containers"]) {
      const { stdout } = await run([...ctr, kind, "ls", "-q"], { env });
      const force = kind === "tasks" ? ["-f"] : [];
      for (const id of stdout.split("\n").filter(Boolean)) {
        await run([...ctr, kind, "delete", ...force, id], { env });
      }
    }
  }

  /** Mounts, control groups and folders, as far as they were not there before. */
  async #clear(): Promise<void> {
    const { dir } = this.#request;
    for (const mount of mountsBelow(dir)) await must(["umount", mount]);
    for (const group of await groupsOfContainers()) {
      if (!this.#groupsBefore.has(group)) await removeGroup(group);
    }
    for (const path of OUTSIDE) {
      if (!this.#before.has(path)) await rm(path, { recursive: true, force: true });
    }
    const left = mountsBelow(dir);
    if (left.length > 0) throw new Error(`still mounted: ${left.join(", ")}`);
    await rm(dir, { recursive: true, force: true });
  }
}

/** kube-apiserver 1.33. No services are made, and no addresses for them. */
function apiServer(dir: string, port: number, etcd: string): readonly string[] {
  const key = join(dir, "accounts.key");
  return [
    "kube-apiserver",
    `--etcd-servers=${etcd}`,
    ...["--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", `--secure-port=${port}`],
    // It makes its own certificate.
    `--cert-dir=${join(dir, "certificates")}`,
    ...["--endpoint-reconciler-type=none", "--service-cluster-ip-range=10.255.255.0/24"],
    ...["--authorization-mode=RBAC", "--anonymous-auth=false", "--profiling=false"],
    `--token-auth-file=${join(dir, "tokens.csv")}`,
    "--service-account-issuer=https://localhost",
    ...[`--service-account-key-file=${key}`, `--service-account-signing-key-file=${key}`],
    // A node's name is where its kubelet listens.
    "--kubelet-preferred-address-types=Hostname",
  ];
}

/** The deepest first, as /proc/mounts has them. */
function mountsBelow(dir: string): readonly string[] {
  return readFileSync("/proc/mounts", "utf8")
    .split("\n")
    .flatMap((line) => line.split(" ")[1] ?? [])
    .filter((path) => path.startsWith(`${dir}/`))
    .reverse();
}

/** Of cgroup v1 and v2. */
async function groupsOfContainers(): Promise<readonly string[]> {
  const root = "/sys/fs/cgroup";
  const places = [root, ...(await readdir(root)).map((name) => join(root, name))];
  return places
    .flatMap((place) => ["kubepods", "k8s.io"].map((name) => join(place, name)))
    .filter((path) => existsSync(path));
}

/** A group is removed when it is empty: files in it can't be. */
async function removeGroup(path: string): Promise<void> {
  for (const entry of await readdir(path, { withFileTypes: true })) {
    if (entry.isDirectory()) await removeGroup(join(path, entry.name));
  }
  await rmdir(path);
}

async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, "127.0.0.1"));
  await Promise.all(servers.map((server) => once(server, "listening")));
  const ports = servers.map((server) => (server.address() as { readonly port: number }).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
