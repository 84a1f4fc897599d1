import { createHash } from "node:crypto";
import { readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { extractMember } from "./archive.ts";
import {
  type Attempt,
  type ReleaseAsset,
  type ReleaseSource,
  reasonOf,
  type Setup,
  SetupFailure,
} from "./attempt.ts";
import { installK6 } from "./cache.ts";
import { download } from "./download.ts";
import { pinnedVersion } from "./version.ts";

/**
 * The official v2.2.0 release. Each digest was seen beside its exact file name in several
 * independent public repositories, which all agree; the number of those stands above it.
 */
export const officialRelease: ReleaseSource = {
  baseUrl: `https://github.com/grafana/k6/releases/download/v${pinnedVersion}/`,
  assets: {
    // At least 10 sources.
    "linux-x64": {
      file: "k6-v2.2.0-linux-amd64.tar.gz",
      sha256: "b5a8003c86f35f5cd5ceef1490312c48e587696c94d998cefc6d7b3b4cb1597d",
    },
    // 5 sources.
    "linux-arm64": {
      file: "k6-v2.2.0-linux-arm64.tar.gz",
      sha256: "4ecd64cadcc792402d16293836115480419c4447c032858f564852d98f1bf54c",
    },
    // 2 sources.
    "darwin-x64": {
      file: "k6-v2.2.0-macos-amd64.zip",
      sha256: "45a08590511c8a6a9c6331645e60c41624924e848e29472e87c60ac956d50372",
    },
    // 2 sources.
    "darwin-arm64": {
      file: "k6-v2.2.0-macos-arm64.zip",
      sha256: "37a028506bf13578de66c906296803775df28cc2504b1a8c5d786b2803e757c7",
    },
    // 4 sources.
    "win32-x64": {
      file: "k6-v2.2.0-windows-amd64.zip",
      sha256: "ceb2b1e1cf9dbe1303c6c33ec83ffda86dda5c610b4def92064d3c7ebae8d9f4",
    },
  },
};

// The largest archive of the release has some 31 MB, the largest binary 67 MB.
const maxArchiveBytes = 100_000_000;

/** Gets the release archive for this platform, checks its digest, and installs the binary in it. */
export async function tryRelease(setup: Setup): Promise<Attempt> {
  const { onNote, release, platform, arch } = setup;
  const asset = release.assets[`${platform}-${arch}`];
  if (asset === undefined) {
    const reason = `no checksum is pinned for ${platform}-${arch}`;
    onNote(`not from the official release: ${reason}`);
    return { status: "failed", reason };
  }
  try {
    return await installK6(setup, "release", (target) => fetchBinary(asset, target, setup));
  } catch (error) {
    const reason = reasonOf(error);
    onNote(`not from the official release: ${reason}`);
    return { status: "failed", reason: `\`${asset.file}\`: ${reason}` };
  }
}

async function fetchBinary(asset: ReleaseAsset, target: string, setup: Setup): Promise<void> {
  const { limits, onNote, platform, release } = setup;
  const archive = join(dirname(target), asset.file);
  const url = new URL(asset.file, release.baseUrl);
  onNote(`downloading ${url.href}`);
  await download(url, archive, { ...limits, maxBytes: maxArchiveBytes, onNote });
  // One read serves the check and the extraction, so that what was checked is what is run.
  const bytes = await readFile(archive);
  await rm(archive);
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  if (sha256 !== asset.sha256) {
    throw new SetupFailure(
      `its SHA-256 must be \`${asset.sha256}\`, got \`${sha256}\`; it was deleted, not run`,
    );
  }
  const folder = asset.file.replace(/\.(?:tar\.gz|zip)$/, "");
  const member = `${folder}/${platform === "win32" ? "k6.exe" : "k6"}`;
  await writeFile(target, extractMember(bytes, asset.file, member));
}
