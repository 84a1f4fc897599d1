/** What a bare script leaves: how often it did what it does, in one line of JSON on its output. */
interface Summary {
  readonly metrics: Readonly<Record<string, { readonly values: Readonly<Record<string, number>> }>>;
}

export function summaryOf({ metrics }: Summary): Readonly<Record<string, string>> {
  return { stdout: `${JSON.stringify({ done: metrics.done?.values.count ?? 0 })}\n` };
}
