/** Who made a report, as reports and logs say it. */
export const TOOL = "k6-nostr 0.1.0";
