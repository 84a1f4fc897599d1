/**
 * Proxies get round the dialer's blacklist: k6 asks the proxy to connect and checks only the proxy's
 * own address (k6's websockets module uses http.ProxyFromEnvironment).
 */

const PROXY_NAMES = new Set(["http_proxy", "https_proxy", "all_proxy"]);

/**
 * The names of the set proxy variables that Go (`golang.org/x/net/http/httpproxy`) or Node honours, in
 * any case, sorted. A `NO_PROXY` that holds `*` switches all of them off: then none.
 */
export function findProxies(env: Readonly<Record<string, string | undefined>>): string[] {
  // Go takes the first of the two that isn't empty.
  const exempt = env.NO_PROXY || env.no_proxy || "";
  if (exempt.split(",").some((entry) => entry.trim() === "*")) return [];
  return Object.keys(env)
    .filter((name) => PROXY_NAMES.has(name.toLowerCase()) && (env[name] ?? "") !== "")
    .sort();
}
