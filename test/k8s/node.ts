/** What a node is told: its containerd's file and its kubelet's, all below a folder of its own and on a loopback address. */
import { join } from "node:path";
import { IMAGES } from "./images.ts";

export interface Node {
  /** A loopback address: name, address and place to ask for logs in one. */
  readonly name: string;
  readonly dir: string;
  readonly socket: string;
  readonly kubeletPort: number;
}

export function nodeIn(dir: string, name: string, kubeletPort: number): Node {
  const own = join(dir, name);
  return { name, dir: own, socket: join(own, "containerd.sock"), kubeletPort };
}

/** containerd 1.6, `containerd config default` says what else there is. */
export function containerdToml({ dir, socket }: Node, runc: string, cni: string): string {
  const cri = 'plugins."io.containerd.grpc.v1.cri"';
  const unused = ["aufs", "btrfs", "devmapper", "zfs"].map(
    (name) => `"io.containerd.snapshotter.v1.${name}"`,
  );
  return `version = 2
root = "${dir}/root"
state = "${dir}/state"
disabled_plugins = [${unused.join(", ")}]
[grpc]
address = "${socket}"
[plugins."io.containerd.internal.v1.opt"]
path = "${dir}/opt"
[${cri}]
sandbox_image = "${IMAGES.pause}"
stream_server_address = "127.0.0.1"
# Some virtual machines give root no CAP_SYS_RESOURCE.
restrict_oom_score_adj = true
[${cri}.cni]
bin_dir = "${cni}"
conf_dir = "${cni}"
[${cri}.containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[${cri}.containerd.runtimes.runc.options]
BinaryName = "${runc}"
Root = "${dir}/runc"
SystemdCgroup = false
`;
}

/** kubelet.config.k8s.io/v1beta1 of 1.33; JSON is YAML. */
export function kubeletConfig({ name, dir, socket, kubeletPort }: Node): string {
  return JSON.stringify({
    apiVersion: "kubelet.config.k8s.io/v1beta1",
    kind: "KubeletConfiguration",
    address: name,
    port: kubeletPort,
    readOnlyPort: 0,
    healthzPort: 0,
    // It listens on a loopback address of a test.
    authentication: { anonymous: { enabled: true }, webhook: { enabled: false } },
    authorization: { mode: "AlwaysAllow" },
    containerRuntimeEndpoint: `unix://${socket}`,
    cgroupDriver: "cgroupfs",
    // Two kubelets on one machine would clear away each other's groups.
    cgroupsPerQOS: false,
    enforceNodeAllocatable: [],
    failSwapOn: false,
    makeIPTablesUtilChains: false,
    resolvConf: "",
    podLogsDir: join(dir, "pod-logs"),
    volumePluginDir: join(dir, "volume-plugins"),
    imageGCHighThresholdPercent: 100,
    imageGCLowThresholdPercent: 99,
    evictionHard: {
      "memory.available": "100Mi",
      "nodefs.available": "1%",
      "imagefs.available": "1%",
    },
    // So that the death of a node is seen within the time of a test.
    nodeStatusUpdateFrequency: "2s",
    nodeLeaseDurationSeconds: 8,
  });
}
