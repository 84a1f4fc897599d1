/** A Rust project of ours over a relay's crates, built where its lock file says of what. */
import { join } from "node:path";
import { kept, textsOf } from "../cache.ts";
import { must } from "../shell.ts";

/** The path of its program. Throws `NotHad`. */
export async function cargoBuild(name: string, source: string): Promise<string> {
  return await kept({
    name,
    of: await textsOf(source, ["Cargo.toml", "Cargo.lock", "src/main.rs"]),
    program: `release/${name}`,
    make: async (dir) => {
      const manifest = ["--manifest-path", join(source, "Cargo.toml")];
      await must("cargo", ["build", "--release", "--locked", ...manifest], {
        env: { CARGO_TARGET_DIR: dir, CARGO_BUILD_JOBS: "1" },
        limitMs: 2_400_000,
      });
      // What it was built from takes 200 times the program's size.
      for (const leftover of ["deps", "build", ".fingerprint"]) {
        await must("rm", ["-rf", join(dir, "release", leftover)]);
      }
    },
  });
}
