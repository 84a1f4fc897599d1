/** Where a finding is explained: what it means, what speaks for and against it, what to do. */
export function pageOf(id: string): string {
  return `docs/findings.md#${id}`;
}
