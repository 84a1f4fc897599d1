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

/** The first that matches decides: what is named exactly stands before what is named by the way. */
const WORDS: readonly (readonly [Reason, RegExp])[] = [
  // k6 knows no look-behind: what only looks like another class stands first.
  ["malformed", /\bunexpected size\b|\bfixed-size\b/],
  [
    "unheard",
    /\b(no|zero|0|without)( one| body)?( was| is| were)?( active| current| live| matching)? (listen|subscribers?\b|recipients?\b|receivers?\b|subscriptions? match|audience)|\b(nobody|no ?one)('s| is| was| to)?( there| here| online| connected)?( listen| subscribed| hear\b| receive|$)|\bnot (delivered|broadcast(ed)?)\b|\bno (active |matching )?subscriptions?\b.{0,20}\bephemeral\b/,
  ],
  [
    "replaced",
    /\b(newer|later|more recent)( \w+)? (event|version|one|replaceable|already)|\b(have|has|hold|exists?|stored?)( \w+){0,2} newer\b|\bsuperseded|\bolder than (the |what |our )?(stored|existing|current|known|saved|latest)|\b(outdated|older) (version|replaceable)|\breplaced by\b|^deleted|\bha(s|ve) been deleted\b/,
  ],
  [
    "duplicate",
    /\bduplicate|\bdup(e|licated)?\b|\balready (have|has|had|exists?|stored|saved|known|seen|published|received|processed|in\b|got)|\b(exists?|stored|known|seen|have (it|this)) already|\bevent( is| was)?( already)? known\b|\bknown event\b|\bseen( this)?( event)? before|\bunique constraint|^(have|has) (this )?event/,
  ],
  [
    "subscriptions",
    /\b(too many|max(imum)?|limit|more than|at most|number of|exceed\w*|concurrent|open)\b.{0,24}\b(subs|subscriptions?( count)?|reqs?|filters?|filter items)\b(?! (has |is |was )?(expired|required|ended))|\b(subs|subscriptions?|reqs?|filters?)\b.{0,24}\b(limit|quota|count|too many|at most|max(imum)?|exceed\w*|reached|rejected|error)\b|\bfilter items\b|\bin filter\b/,
  ],
  [
    "signature",
    /\bsigs?\b|\bsignatures?\b|schnorr|\bforged\b|\b(incorrect|wrong|bad|invalid|mismatched|computed)( event)? (id|hash)\b|\bid\b.{0,20}\b(mismatch|wrong|incorrect|incorrectly|differs?|does(n't| not) match|is not|is invalid)|\bverif(y|ying|ication) the event\b|\bverif(y|ying|ication)( has)?( event| failed)?$|\b(event|hash) (mismatch|hash mismatch|verification)|\bhash\b.{0,20}\bnot match/,
  ],
  [
    "pow",
    /proof[- ]?of[- ]?work|\bpow\b|\bdifficulty\b|leading[- ]zero|\bnip-?13\b|\bhashcash\b|\b(un)?mined?\b|\bnonce\b|\b\d+ bits\b|\bwork (is )?(too (low|little)|insufficient)|\b(insufficient|not enough|more) work\b/,
  ],
  [
    "payment",
    /\bpay(ment|ments|ing|s)?\b|\b(un)?paid\b|\binvoices?\b|\bm?sats?\b|\bzap (us|me|the)\b|\bbalance\b|\bfunds?\b|\bcredits?\b|\bfees?\b|\bpric(e|es|ing)\b|\bcosts? \d|\b(free|paid) tier\b|\btrial\b|\b(buy|purchase|renew) |\btop up\b|\b402\b|\b(active|valid|your|no|need a|requires? an?|paid|premium) (subscription|plan)\b|\bsubscription (is )?(required|needed|expired|ended|has|lapsed)|\bsubscribe to\b|\b(not|only) (a |for )?subscribers?\b|\bpremium\b|\bbilling\b|\bdonat|\blightning\b|\bfunded\b/,
  ],
  [
    "auth",
    /\bauth(ed)?\b|auth[- ]required|\b(session|token)( has| is)? expired\b|\b(un)?authenticat|\bnip-?42\b|\blog(ged)?[- ]?(in|on)\b|\bsign(ed)? in\b|\b401\b|\b(to|the|your|a) challenge\b|\bidentify yourself\b|\bprove (your|who)|relay url mismatch/,
  ],
  [
    "shutdown",
    /\bshut(ting|s)?[- ]?down\b|\brestart|\breboot|\bmaintenance\b|\bgoing (down|away|offline)\b|\b(go|goes|taken|taking) (down|offline)\b|\bterminating\b|\b(relay|server|service)( is| will)?( now| be| being)? (stop|clos)(s|e|ed|es|ing|ping|ped)?\b|\b(is|are) (stopping|closing|ending)\b|\bstopping\b|\bclosing for\b|\bdraining\b|\b(right|soon) back\b|\bback (soon|shortly)\b|\b(good)?bye\b|\bdeploy(ing|ment)\b/,
  ],
  [
    "age-past",
    /\bolder than\b|\btoo (old|early)\b|\b(in|from|of|into) the past\b|\bfar back\b|\bexpired\b|\bexpiration\b|\bnip-?40\b|\bago\b|\bevents? from the last\b|\bstale\b|\bback-?dated\b|\b(event|note)s? (is |are )?(too )?(old|outdated)\b|\bold (events?|notes?)\b|\bage (exceeds|limit|of)\b|\boutdated\b|\b(recent|fresh|new) events only\b|\bonly (recent|fresh|new) (events|notes)\b|\bnot (recent|fresh)\b|\brecent enough\b|\bage\b.{0,20}\b(seconds|days|hours)\b|\bhistoric|\bdays old\b|\bhours old\b|\byears? old\b|\bbefore (19|20)\d\d\b|\baged\b|\bwithin (the )?(last|past)\b/,
  ],
  [
    "age-future",
    /\bfuture\b|\btoo (new|young|far ahead)\b|\bahead of\b|\bpost-?dated\b|\btomorrow\b|\b(is|are) ahead\b|\bnot (yet valid|valid yet|happened yet)\b|\b(your|relay's|server's|server|relay) (clock|time)\b|\bcreated at.{0,20}(>|late|after|ahead|higher|upper|above|greater|big|large|exceed)|\bfield is out of the acceptable range \(\+|\btimestamp.{0,20}(>|late|after|ahead|higher|upper|above|greater|big|large|exceed)|\b\d+ ?(s|m|h|d|sec\w*|min\w*|hours?|days?) ahead\b|\bskew\b/,
  ],
  [
    // What says that a time is wrong and not to which side: events of a pool carry times of the past.
    "age-past",
    /(created at|\bcreation|\btimestamp|\bdated?\b|\bevent time\b).{0,40}(range|window|accept|invalid|limit|bound|far|off|before|<|cutoff|not allowed|older|early|refused|lower|small|low)|(range|window|invalid|bad|wrong|unacceptable).{0,20}(created at|timestamp)|^timestamp$|\bcreated at\b/,
  ],
  [
    "storage",
    /\bdisk\b|\bpersistence\b|\bfile ?system\b|\bopen files\b|\bkey-value\b|\bmongo|\bmysql|\belastic|\bleveldb\b|\b(no|free|enough) space\b|\benospc\b|\beio\b|\bi\/o\b|\bdatabase\b|\bdb\b|\bmdb\b|\blmdb\b|\bsqlite|\bpostgres|\bpq:|\bpg\b|\bbadger\b|\brocksdb\b|\bredis\b|\bsql\b|\bwrite (error|fail|stall)|\bstorage\b|\bread-?only (file|database)|\bdial tcp\b|\bconnection refused\b/,
  ],
  [
    "overload",
    /\boverload|\bbusy\b|\bqueues? (is |are |was )?(full|overflow|limit)|\boverflow|\bbacklog\b|\b503\b|\b(service|temporarily|currently) unavailable\b|\b(at|no|out of|over)( full| max(imum)?)? capacity\b|\b(heavy|high|much|under) load\b|\bkeep up\b|\bback[- ]?pressure\b|\btim(ed|e) ?out\b|\bsaturated\b|\bexhausted\b|\bout of memory\b/,
  ],
  [
    "size",
    /\btoo (large|big|long)\b|\boversized?\b|\b(bigger|larger|longer) than\b|\b413\b|\b(too many|at most \d+|max(imum)? (of )?\d+|number of|more than \d+) (tags|characters|chars|bytes|elements|mentions|hashtags|links)\b|\b\d+ ?([kmg]i?b|bytes|characters|chars)\b|\b(max(imum)?|limit)[- ](event|content|message|tags?|size|frame|length|payload|note|bytes)(?! (rate|per|frequency))|\b(event|message|content|frame|payload|note|tags?) (size|length|count)\b|\bmax(imum)?[- ]?(\w+[- ])?(size|length)\b|\bsize\b|\bread limit\b|\blength (is )?(over|exceed)|\b(payload|content|body|tags?|characters|bytes)\b.{0,24}\b(exceed|over|above|limit)|\b(limit|max(imum)?|exceed\w*|over|above|more than|too many)\b.{0,16}\b(tags?|bytes|characters|chars|content|payload)\b|\bhuge\b/,
  ],
  [
    "rate-limit",
    /\brate[- ]?limit|\bratelimit|\b(slow|slowing|calm|cool|cooling)[- ]?(it |your \w+ )?(down|roll)\b|\bslow your\b|\btoo (much|many|fast|quick(ly)?|often|frequent(ly)?|rapid(ly)?)\b|\bthrottl|\bflood|\b429\b|\b(burst|frequency)\b|\bquota\b|\b(re)?try( again)? (in|after)\b|\bwait (a |before|until|for |\d)|\b(per|a|each|in the last|last|every|this) (sec(ond)?|min(ute)?|hour|day)s?\b|\/ ?(s|sec|second|m|min|minute|h|hour|day)\b|\b(in|per|every) \d+ ?(s|sec\w*|m|min\w*|h|hours?)\b|\bback off\b|^banned: too\b|\b(event|message|post(ing)?|note|publish(ing)?|writ(e|ing)|request|send(ing)?|hourly|daily)s? (rate|limit)\b|\bexceed\w* (the |your )?rate\b|\brate (is )?(too high|exceeded)|\brate of\b|\bexcessive(ly)?\b|^(the )?(limit (exceeded|reached)|exceeded (the )?limit)/,
  ],
  [
    "storage",
    /\b(fail(ed|ure)?|unable|could ?n[o']t|cannot|can't|error)\b.{0,16}\b(sav|stor|persist|insert|commit)|\b(fail(ed|ure)?|unable|could ?n[o']t|error)\b.{0,10}\bwrit|\b(sav|stor|persist|insert|commit|write)(e|ing|ion|age|ed)?\b.{0,12}\b(fail|error|unavailable|full)|\btransaction\b|\bdeadlock\b|\bcorrupt/,
  ],
  [
    "kind",
    /\bkinds?\b|\bevent types?\b|\b(ephemeral|replaceable|addressable|deletion|encrypted) (events?|notes?|requests?) (are |is )?(not|un|dis)|\bevents? (is |are )?(not supported|unsupported)\b/,
  ],
  [
    "unsupported",
    /\b(does not|doesn't|not|un)[- ]?(supported|support|implemented)\b|\b(unknown|unrecogni[sz]ed) (command|message|verb)|\bcommand unknown\b/,
  ],
  [
    "policy",
    /\b(pub)?keys?\b|\bnpub|\bauthors?\b|white-?list|allow(ed)?[- ]?list|black-?list|deny-?list|\bblock(ed)?[- ]?list|\bbann?(ed)?\b|\b(not|n't|never|isn't) (be )?(allow|permit|authori[sz]|welcome|accept)|\bforbidden\b|\b403\b|\b(un)?admi(t|ts|tted|ssion)\b|\bweb of trust\b|\bwot\b|\bnip-?05\b|\bmembers?\b|\binvit|\bmoderat|\bspam|\bread-?only\b|\bprotected\b|\bpolic(y|ies)\b|\brestricted\b|\bdenied\b|\bprivate\b|\btrust|\bunauthori[sz]ed\b|\bmuted\b|\bfollow(ed|s|ing|ers)?\b|\bfriends\b|\bpersonal\b|\bmay not (publish|post|write)|\bguidelines\b|\bsuspended\b|\bviolat|\busers?\b|\bowner\b|\bpermission\b|\bterms\b|\bregist|\bsign up\b|\bonly\b.{0,40}\b(may|can|post|publish|write|users)|\bwrit(es|ing) (is |are )?(disabled|closed|off)|\bblocked\b|\bbots?\b|\bfilter(ed)?\b/,
  ],
  [
    "malformed",
    /\bpars(e|ing|able)|\bmalformed\b|\bunpars|\bjson\b|\bsyntax\b|\bbad (msg|message|req|request|event)\b|\binvalid\b|\bunexpected (size|token|type|element|field|end|character)|\bmissing\b|\bhex\b|\benvelope\b|\bschema\b|\bmust be\b/,
  ],
];

/** What the words may make of a sure prefix. */
const CORRECTIONS: Partial<Record<Reason, Reason>> = {
  duplicate: "replaced",
  "rate-limit": "subscriptions",
  unheard: "policy",
};

/** NIP-01 wants one word before the colon; relays write it in any case, and strfry puts `ERROR: ` before it. */
const PREFIX = /^(?:error:\s*)*([a-z][a-z -]{0,23}):\s*/;

/** The class of a text, whether it has a prefix or not. Where texts repeat by the thousand, keep the answer. */
export function reasonOf(text: string): Reason {
  const lower = text
    .trim()
    .toLowerCase()
    .replaceAll(/[_\s]+/g, " ")
    .replaceAll("’", "'");
  const match = PREFIX.exec(lower);
  const prefix = match?.[1]?.replaceAll(" ", "-") ?? "";
  const isKnown = prefix === "error" || SURE.has(prefix) || VAGUE.has(prefix);
  const words = isKnown ? lower.slice(match?.[0].length) : lower.replace(/^error:\s*/, "");
  const found = WORDS.find(([, expression]) => expression.test(words))?.[0];
  const sure = SURE.get(prefix);
  if (sure !== undefined) return found !== undefined && CORRECTIONS[sure] === found ? found : sure;
  return found ?? VAGUE.get(prefix) ?? "other";
}
