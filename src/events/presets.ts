/** Mixes with a name. They stand apart from the event types, so that k6 can expand them too. */

const presets: ReadonlyMap<string, string> = new Map([["view-storm", "view:1"]]);

export const presetNames: readonly string[] = [...presets.keys()];

/** The mix of a preset's name; any other text as it is. */
export function expandPreset(text: string): string {
  return presets.get(text.trim()) ?? text;
}
