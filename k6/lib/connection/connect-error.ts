/** Names the ways a handshake fails, from the texts that k6 v2.2 (Go) gives. */
export function connectErrorCode(text: string): string {
  if (/blacklisted range|blocked hostname|in a blocked/i.test(text)) return "guard";
  // A resolver that refuses or does not answer says so behind `lookup`.
  if (/no such host|lookup /i.test(text)) return "dns";
  if (/connection refused/i.test(text)) return "refused";
  if (/bad handshake/i.test(text)) return "handshake";
  if (/timeout|deadline exceeded/i.test(text)) return "timeout";
  if (/connection reset|broken pipe|\bEOF\b/i.test(text)) return "reset";
  if (/too many open files/i.test(text)) return "files";
  if (/cannot assign requested address/i.test(text)) return "ports";
  if (/certificate|tls:/i.test(text)) return "tls";
  return "other";
}
