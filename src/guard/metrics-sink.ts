/**
 * Where k6 may send its metrics while it runs (`--k6-out`): Prometheus' remote write, and nothing else. k6's
 * outputs dial for themselves, past its blacklist, so the same judge decides here beforehand, and the
 * address found is put into the URL that k6 gets.
 */
import { ConfigError } from "../errors.ts";
import { parseRelayUrl, type RelayUrl } from "./relay-url.ts";

export interface MetricsSink {
  /** Host and port in the form that the guard judges. */
  readonly url: RelayUrl;
  readonly path: string;
}

const FORM = "`prometheus` or `prometheus=http://HOST:PORT/PATH`";
/** What the compose file's `observe` profile serves. */
const DEFAULT_URL = "http://prometheus:9090/api/v1/write";

/** Reads the option; throws `ConfigError` for other kinds, schemes and spellings. */
export function parseMetricsSink(text: string): MetricsSink {
  const [kind, given] = splitOnce(text);
  const target = given ?? DEFAULT_URL;
  if (kind !== "prometheus" || !target.startsWith("http://") || /[?#]/.test(target)) {
    throw new ConfigError(`K6_OUT (--k6-out) must be ${FORM}, got \`${kind.slice(0, 40)}\``);
  }
  const url = parseRelayUrl(target.replace(/^http:/, "ws:"));
  return { url, path: url.path };
}

/** The URL to write to, its host replaced by the address that was judged. */
export function sinkUrl({ url, path }: MetricsSink, address: string): string {
  const host = address.includes(":") ? `[${address}]` : address;
  return `http://${host}:${url.port}${path}`;
}

function splitOnce(text: string): readonly [string, string | undefined] {
  const at = text.indexOf("=");
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}
