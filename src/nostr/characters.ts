/** Unicode characters of a text, as `max_content_length` of NIP-11 counts them. */
export function countCharacters(text: string): number {
  return text.length - (text.match(/[\ud800-\udbff][\udc00-\udfff]/g)?.length ?? 0);
}
