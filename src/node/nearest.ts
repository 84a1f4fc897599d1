/** Which of some names was meant: for what to say when a name is unknown. */

/** The nearest name by edits; `null` where none is near, so that nothing far-fetched is proposed. */
function nearest(word: string, names: readonly string[]): string | null {
  const scored = names.map((name) => ({ name, distance: editDistance(word, name) }));
  const best = scored.sort((a, b) => a.distance - b.distance)[0];
  return best && best.distance <= Math.max(2, word.length / 3) ? best.name : null;
}

/** `; did you mean …?`, or nothing; `show` writes a name as a person would. */
export function didYouMean(
  word: string,
  names: readonly string[],
  show = (name: string) => name,
): string {
  const near = nearest(word, names);
  return near === null ? "" : `; did you mean \`${show(near)}\`?`;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replace = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replace, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
