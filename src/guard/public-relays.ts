/**
 * Known public relays: refused always, whatever is allowed or proved. The list covers what it names
 * and nothing else; the guard's default (everything unknown is refused) is what protects the others.
 * Each entry covers itself and every sub-domain.
 */

/** When the sources were read. */
export const PUBLIC_RELAYS_AS_OF = "2026-11-23";

/**
 * Sources, at the commits read: bv:js/nostr/toolkit.js; CodyTseng/jumble@eeab862 src/constants.ts;
 * coracle-social/coracle@ed85a43 .env.template; hzrd149/nostrudel@1261b4f src/const.ts;
 * vitorpamplona/amethyst@10149d7 Constants.kt; sandwichfarm/nostr-watch@004d270 relays.yaml; NIP-11.
 */
export const PUBLIC_RELAYS: readonly string[] = [
  // Operators' domains: every host below them is theirs.
  "coracle.social",
  "damus.io",
  "ditto.pub",
  "nostr.band",
  "nostr.land",
  "nostr.wine",
  "nostr1.com",
  "primal.net",
  "snort.social",
  "wellorder.net",
  "yakihonne.com",
  // Single relays.
  "antiprimal.net",
  "bitcoiner.social",
  "directory.yabu.me",
  "ephemeral.snowflare.cc",
  "index.hzrd149.com",
  "news.utxo.one",
  "nip17.com",
  "nos.lol",
  "nostr.einundzwanzig.space",
  "nostr.fmt.wiz.biz",
  "nostr.mom",
  "nostr.oxtr.dev",
  "nostr21.com",
  "nostrelites.org",
  "offchain.pub",
  "purplepag.es",
  "purplerelay.com",
  "relay.0xchat.com",
  "relay.minibolt.info",
  "relay.mostr.pub",
  "relay.nostr.bg",
  "relay.nostr.watch",
  "relay.nostr.wirednet.jp",
  "relay.noswhere.com",
  "relay.nsec.app",
  "relay.orangepill.dev",
  "relayable.org",
  "search.nos.today",
  "search.nostrarchives.com",
  "trending.relays.land",
  "user.kindpag.es",
];

/** The entry that covers a host (case and trailing dot don't matter), if there is one. */
export function findPublicRelay(host: string): string | undefined {
  const name = host.toLowerCase().replace(/\.+$/, "");
  return PUBLIC_RELAYS.find((entry) => name === entry || name.endsWith(`.${entry}`));
}
