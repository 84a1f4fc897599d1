/**
 * What a relay means by the text of an OK, a CLOSED or a NOTICE. NIP-01's prefixes are too few and too loosely
 * used to act on: `blocked:` stands before kinds, keys and sizes, `invalid:` before ages, and many texts have
 * none. So the words decide, in whatever case; a prefix decides where it says more than they do.
 */

export type Reason =
  | "rate-limit"
  | "overload"
  | "policy"
  | "kind"
  | "size"
  | "age-past"
  | "age-future"
  | "storage"
  | "auth"
  | "payment"
  | "pow"
  | "shutdown"
  | "signature"
  | "unheard"
  | "duplicate"
  | "replaced"
  | "subscriptions"
  | "unsupported"
  | "malformed"
  | "other";

/** Prefixes that mean one thing, whatever follows. */
const SURE: ReadonlyMap<string, Reason> = new Map(
  Object.entries({
    "rate-limited": "rate-limit",
    "rate-limit": "rate-limit",
    ratelimit: "rate-limit",
    ratelimited: "rate-limit",
    pow: "pow",
    "auth-required": "auth",
    "payment-required": "payment",
    mute: "unheard",
    duplicate: "duplicate",
    replaced: "replaced",
    deleted: "replaced",
    unsupported: "unsupported",
  } as const),
);

/** Prefixes that say something only where the words behind them don't. */
const VAGUE: ReadonlyMap<string, Reason> = new Map(
  Object.entries({
    blocked: "policy",
    restricted: "policy",
    forbidden: "policy",
    denied: "policy",
    rejected: "policy",
    reject: "policy",
    policy: "policy",
    invalid: "malformed",
  } as const),
);

/** The first that matches decides: what is named exactly stands before what is named by and by. */
const WORDS: readonly (readonly [Reason, RegExp])[] = [
  [
    "unheard",
    /\b(no|zero|0|without)( one| body)?( was| is| were)?( active| current| live| matching)? (listen|subscribers?\b|recipients?\b|receivers?\b|subscriptions? match)|\b(nobody|no ?one)('s| is| was)?( there| here)?( listen| subscribed|$)|\bnot (delivered|broadcast(ed)?)\b/,
  ],
  [
    "replaced",
    /\b(newer|later|more recent)( \w+)? (event|version|one|replaceable|already)|\b(have|has|hold|exists?|stored?)( \w+){0,2} newer\b|superseded|\bolder than (the |what |our )?(stored|existing|current|known|saved|one)|\boutdated (version|replaceable)|^deleted|\bhas been deleted\b/,
  ],
  [
    "duplicate",
    /\bduplicate|\bdup(e|licated)?\b|\balready (have|has|had|exists?|stored|saved|known|seen|published|received|in\b|got)|\b(exists?|stored|known|seen|have (it|this)) already|\b(is|was) (already )?known\b|\bseen( this)?( event)? before|\bunique constraint|^(have|has) (this )?event/,
  ],
  [
    "subscriptions",
    /\b(too many|max(imum)?|limit|more than|at most|number of|exceed\w*|concurrent|open)\b.{0,24}\b(subscriptions?( count)?|reqs?|filters?|filter items)\b(?! (has |is |was )?(expired|required|ended))|\b(subscriptions?|reqs?|filters?)\b.{0,24}\b(limit|quota|count|too many|at most|max(imum)?|exceed\w*|rejected|error)\b|\b(total )?filter items\b|\bin filter\b/,
  ],
  [
    "signature",
    /\bsig\b|\bsignatures?\b|schnorr|\bforged\b|\b(incorrect|wrong|bad|invalid|mismatched)( event)? (id|hash)\b|\bid\b.{0,20}\b(mismatch|wrong|incorrect|incorrectly|does(n't| not) match|is not|is invalid)|\bverif(y|ying|ication)\b( the)? (failed|event)|\b(event|hash) (mismatch|hash mismatch|verification)/,
  ],
  [
    "pow",
    /proof[- _]?of[- _]?work|\bpow\b|pow_|\bdifficulty\b|leading[- ]zero|\bnip-?13\b|\bhashcash\b|\b(un)?mined\b|\bnonce\b|\b\d+ bits\b|\bwork (is )?(too (low|little)|insufficient)|\b(insufficient|not enough|more) work\b/,
  ],
  [
    "payment",
    /\bpay(ment|ments|ing|s)?\b|\b(un)?paid\b|\binvoices?\b|\bm?sats?\b|\bmsats\b|\bzap (us|me|the)\b|\bbalance\b|\bfunds?\b|\bcredits?\b|\bfees?\b|\bpric(e|es|ing)\b|\bcosts? \d|\b(free|paid) tier\b|\btrial\b|\b(buy|purchase|renew) |\btop up\b|\b402\b|\b(active|valid|your|no|need a|requires? an?|paid|premium) (subscription|plan)\b|\bsubscri(be|ption) (has |is )?(to (write|post|publish)|required|expired|ended)|\bpremium\b|\bnot admitted\b|\badmission\b|\bbilling\b|\bdonat/,
  ],
  [
    "auth",
    /\bauth\b|auth[- _]required|\b(un)?authenticat|\bnip-?42\b|\blog(ged)?[- ]?(in|on)\b|\bsign(ed)? in\b|\b401\b|\b(to|the|your|a|auth) challenge\b|\bidentify yourself\b|\bprove (your|who)|relay url mismatch/,
  ],
  [
    "shutdown",
    /\bshut(ting|s)?[- ]?down\b|\brestart|\breboot|\bmaintenance\b|\bgoing (down|away|offline)\b|\b(go|goes|taken|taking) (down|offline)\b|\bterminating\b|\b(is|are) (stopping|closing|ending)\b|\bstopping\b|\bdraining\b|\b(right|soon) back\b|\bback (soon|later|shortly)\b|\bgoodbye\b|\bdeploy(ing|ment)\b/,
  ],
  [
    "overload",
    /\boverload|\bbusy\b(?!.{0,12}(database|sqlite))|\bqueues? (is |are )?full\b|\b503\b|\bservice unavailable\b|\bat (full |max(imum)? )?capacity\b|\b(heavy|high|much) load\b|\bback[- ]?pressure\b|\btim(ed|e) ?out\b|\bsaturated\b|\bresources? (exhausted|limit)|\bout of memory\b/,
  ],
  [
    "age-past",
    // What is older than a span or a date, before `per minute` and `seconds` make a rate of it.
    /\bolder than\b|\btoo (old|early)\b|\bin the past\b|\b(events?|note|message|it) (\w+ )?(is |has |was )?(already )?expired\b|^expired\b|\bexpired (event|note|yesterday)|\bexpiration\b|\bstale\b|\bbackdated\b|\bback-dated\b|\b(event|note)s? (is |are )?(too )?(old|outdated)\b|\bold (events?|notes?)\b|\bage (exceeds|limit|of)\b|\boutdated\b|\b(recent|fresh|new) events only\b|\bonly (recent|fresh|new) (events|notes)\b|\bnot (recent|fresh)\b|\bage\b.{0,20}\b(seconds|days|hours)\b|\bhistorical\b/,
  ],
  [
    "age-future",
    /\bfuture\b|\btoo (new|young|far ahead)\b|\bahead of\b|\bpost-?dated\b|\btomorrow\b|\bnot (yet valid|valid yet|happened yet)\b|\b(your |the )?clock\b|\btoo late\b|\bcreated_at.{0,12}(>|later|after|ahead)|\bfield is out of the acceptable range \(\+|\btimestamp.{0,16}(later|after|ahead)/,
  ],
  [
    "age-past",
    /(created_at|created at|\bcreation|\btimestamp|\bdate[ds]?\b|\btime\b).{0,40}(range|window|accept|invalid|limit|bound|far|off|before|<|cutoff|not allowed|older|early|refused|lower)|(range|window|invalid|bad|wrong|unacceptable).{0,20}(created_at|timestamp)/,
  ],
  [
    "size",
    /\btoo (large|big|long)\b|\boversized?\b|\b(bigger|larger|longer) than\b|\b413\b|\btoo many (tags|characters|chars|bytes|elements|mentions|hashtags|links)\b|\b\d+ ?([kmg]i?b|bytes|characters|chars)\b|\b(max(imum)?|limit)[- _](event|content|message|tags?|size|frame|length|payload|note|bytes)|\b(event|message|content|frame|payload|note|tags?) (size|length|count)\b|\bmax(imum)?[- _]?(\w+[- _])?(size|length)\b|\bsize limit\b|\blength (is )?(over|exceed)/,
  ],
  [
    "rate-limit",
    /\brate[- _]?limit|\bratelimit|\b(slow|slowing|calm|cool|cooling)[- ]?(it )?down\b|\btoo (much|many|fast|quick(ly)?|often|frequent(ly)?|rapid(ly)?)\b(?! (connections for role|clients already))|\bthrottl|\bflood|\b429\b|\b(burst|frequency)\b|\bquota\b|\btry again (in|after)\b|\bwait \d|\b(per|a|each|in the last|last|every) (sec(ond)?|min(ute)?|hour|day)s?\b|\bback off\b|^banned: too\b|\b(event|message|post|note|publish|write|request|hourly|daily) (rate|limit)\b/,
  ],
  [
    "storage",
    /\bdisk|\b(no|free|enough) space\b|\benospc\b|\beio\b|\bi\/o\b|\bdatabase\b|\bdb\b|\bmdb_|\blmdb\b|\bsqlite|\bpostgres|\bpq:|\bpg\b|\bbadger\b|\brocksdb\b|\bredis\b|\bsql\b|\bwrite (error|fail|stall)|\b(fail(ed|ure)?|unable|could ?n[o']t|cannot|can't|error)\b.{0,16}\b(sav|stor|persist|insert|commit)|\b(fail(ed|ure)?|unable|could ?n[o']t|error)\b.{0,10}\bwrit|\b(sav|stor|persist|insert|commit|write)(e|ing|ion|age|ed)?\b.{0,12}\b(fail|error|unavailable|full)|\bstorage\b|\btransaction\b|\bread-?only (file|database)|\bdeadlock\b|\bcorrupt/,
  ],
  [
    "kind",
    /\bkinds?\b|kind_|\bevent types?\b|\b(ephemeral|replaceable|addressable|deletion|encrypted) (events?|notes?|requests?) (are |is )?(not|un|dis)|\bevents? (is |are )?(not supported|unsupported)\b/,
  ],
  [
    "unsupported",
    /\b(does not|doesn't|not|un)[- ]?(supported|support|implemented)\b|\b(unknown|unrecogni[sz]ed) (command|message|verb)|\bcommand unknown\b/,
  ],
  [
    "policy",
    /\b(pub)?keys?\b|\bnpub|\bauthors?\b|white-?list|allow(ed)?[- ]?list|black-?list|deny-?list|\bblock(ed)?[- ]?list|\bbann?(ed)?\b|\b(not|n't|never|isn't) (be )?(allow|permit|authori[sz]|welcome|accept)|\bforbidden\b|\b403\b|\bweb of trust\b|\bwot\b|\bnip-?05\b|\bmembers?\b|\binvit|\bmoderat|\bspam|\bread-?only\b|\bprotected\b|\bpolic(y|ies)\b|\brestricted\b|\bdenied\b|\bprivate relay\b|\btrust|\bunauthori[sz]ed\b|\bmuted\b|\bfollow(ed|s|ing|ers)?\b|\bpermission\b|\bterms\b|\bregist|\bsign up\b|\bonly\b.{0,40}\b(may|can|post|publish|write|users)|\bblocked\b|\bbots?\b|\bfilter(ed)?\b/,
  ],
  [
    "malformed",
    /\bpars(e|ing|able)|\bmalformed\b|\bunpars|\bjson\b|\bsyntax\b|\bbad (msg|message|req|request|event)\b|\binvalid\b|\bunexpected\b|\bmissing\b|\bhex\b|\benvelope\b|\bschema\b|\bmust be\b/,
  ],
];

/** What the words may make of a sure prefix. */
const CORRECTIONS: Partial<Record<Reason, Reason>> = {
  duplicate: "replaced",
  "rate-limit": "subscriptions",
  unheard: "policy",
};

/** NIP-01 wants one word before the colon; relays write it in any case, and strfry puts `ERROR: ` before it. */
const PREFIX = /^(?:error:\s*)*([a-z][a-z_-]{0,23}):\s*/;

/** The class of a text, whether it has a prefix or not. Where texts repeat by the thousand, keep the answer. */
export function reasonOf(text: string): Reason {
  const lower = text.trim().toLowerCase();
  const match = PREFIX.exec(lower);
  const prefix = match?.[1]?.replaceAll("_", "-") ?? "";
  const isKnown = prefix === "error" || SURE.has(prefix) || VAGUE.has(prefix);
  const words = isKnown ? lower.slice(match?.[0].length) : lower.replace(/^error:\s*/, "");
  const found = WORDS.find(([, expression]) => expression.test(words))?.[0];
  const sure = SURE.get(prefix);
  if (sure !== undefined) return found !== undefined && CORRECTIONS[sure] === found ? found : sure;
  return found ?? VAGUE.get(prefix) ?? "other";
}
