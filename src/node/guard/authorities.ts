/**
 * Authorities whose certificates are trusted in a run beside those of the system. Node is given them with each
 * connection; k6 reads them from a file, as Go does (SSL_CERT_FILE), in place of the system's own.
 */
import { X509Certificate } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { rootCertificates } from "node:tls";
import { ConfigError } from "../../errors.ts";
import { optionLabel } from "../../plan/options.ts";

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;
const BUNDLE = "authorities.pem";

/** The certificates of `--ca FILE`, PEM; `undefined` without the option. Throws `ConfigError`. */
export async function readAuthorities(path: string | undefined): Promise<string | undefined> {
  if (path === undefined) return undefined;
  const text = await readFile(path, "utf8").catch((cause: NodeJS.ErrnoException) => {
    throw new ConfigError(
      `${optionLabel("ca")} must be a file of certificates, got \`${path}\` (${cause.code})`,
      { cause },
    );
  });
  // A file may hold a private key as well: it goes nowhere.
  const found = text.match(CERTIFICATE) ?? [];
  if (found.length === 0 || !found.every(isCertificate)) {
    throw new ConfigError(
      `${optionLabel("ca")} must be a file of certificates as PEM (\`-----BEGIN CERTIFICATE-----\`), and \`${path}\` is none`,
    );
  }
  return found.join("\n");
}

/** Writes what k6 is to trust; gives the file. `inherited`: the user's own SSL_CERT_FILE. */
export async function writeBundle(
  dir: string,
  ca: string,
  inherited: string | undefined,
): Promise<string> {
  const own = inherited === undefined ? "" : await readFile(inherited, "utf8").catch(() => "");
  const path = join(dir, BUNDLE);
  await writeFile(path, [ca, own, ...rootCertificates, ""].join("\n"));
  return path;
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).raw.length > 0;
  } catch {
    // Anything may stand between the lines.
    return false;
  }
}
