/** Stands for a connection that ended without a Close frame (RFC 6455, 7.1.5); it is never sent. */
const CODE_WITHOUT_FRAME = 1_006;

/**
 * Names the end of a connection: by its code, or that there was no Close frame. k6 v2.2 hands no code out where a frame
 * of ours was written behind the answer to a Close frame (`websocket: close sent`): which one it was is not known then.
 */
export function closeName(code: number | undefined, errorText: string): string {
  if (code !== undefined && code !== CODE_WITHOUT_FRAME) return String(code);
  return /close sent/.test(errorText) ? "code unknown" : "no close frame";
}

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
