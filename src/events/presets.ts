/** Mixes with a name. They stand apart from the event types, so that k6 can expand them too. */

const presets: ReadonlyMap<string, string> = new Map([
  // People watch: few upload, some react, and the client keeps their history.
  ["playback", "view:0.8,watch-history:0.06,reaction:0.06,comment:0.03,video:0.05"],
  // Authors publish, correct what they published, and take some of it back.
  ["upload", "video:0.55,video-rich:0.15,video-edit:0.2,video-delete:0.05,file:0.05"],
  // People talk.
  [
    "social",
    "reaction:0.3,note:0.2,comment:0.15,typing:0.1,read-receipt:0.1,repost:0.07,profile:0.03,relay-list:0.02,video:0.03",
  ],
  // What costs a relay most: large events, versions that replace each other, deletions.
  [
    "worst-case",
    "video-rich:0.3,padded:60000:0.25,watch-history:0.25,video-edit:0.15,video-delete:0.05",
  ],
  // A video goes round: small addressable events from a great many keys.
  ["view-storm", "view:0.99,video:0.01"],
  // What a relay of people holds, by sets: most events are notes, replies and likes.
  ["corpus", "conversation:0.6,profile:0.2,contacts:0.1,article:0.1"],
]);

export const presetNames: readonly string[] = [...presets.keys()];

/** The mix of a preset's name; any other text as it is. */
export function expandPreset(text: string): string {
  return presets.get(text.trim()) ?? text;
}
