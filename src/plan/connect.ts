/** What a run of `connect` does with its connections: its options, checked. */
import { ConfigError } from "../errors.ts";
import { parseRelayUrl } from "../guard/relay-url.ts";
import { RECONNECT_POLICIES, type ReconnectPolicy } from "../load/reconnect.ts";
import { clip, type OptionTexts, optionLabel, readChoice, readNumber } from "./options.ts";

/**
 * `storm`: all come fast; `hold`: they come calmly and stay; `churn`: each has one session after another; `recover`:
 * they are cut off together, and come back.
 */
const MODES = ["storm", "hold", "churn", "recover"] as const;
export type ConnectMode = (typeof MODES)[number];

/** How long a client's session lasts: each as long, or drawn from an exponential distribution of that mean. */
export interface SessionLength {
  readonly isDrawn: boolean;
  readonly meanSec: number;
}

export interface ConnectPlan {
  readonly mode: ConnectMode;
  /** First connections that are due a second, over all clients. */
  readonly rate: number;
  /** How long they are held behind the ramp; of `recover` as long before the cut as behind it. */
  readonly holdSec: number;
  /** Of `churn`; `null`: a client closes nothing before the end. */
  readonly session: SessionLength | null;
  /** Of `recover`: the share of connections that we cut; 0: somebody else ends them. */
  readonly dropShare: number;
  readonly reconnect: ReconnectPolicy;
  /** What a client sends as its connection opens. */
  readonly onOpen: "req" | "none" | "auth";
  /** What relays call themselves in AUTH; left out: each by the URL that is dialled. */
  readonly authRelayUrl?: string;
}

const DEFAULTS: Readonly<Record<ConnectMode, { readonly rate: number; readonly holdSec: number }>> =
  {
    storm: { rate: 1_000, holdSec: 10 },
    hold: { rate: 100, holdSec: 60 },
    churn: { rate: 100, holdSec: 120 },
    recover: { rate: 100, holdSec: 30 },
  };

const SESSION_LENGTH = "exp:60s";
const DROP_SHARE = "1";

/** Above these a typo is likelier than a wish; `--force` lifts them. */
const BOUNDS = { rate: 20_000, holdSec: 86_400 };
const SESSION = /^(exp|fixed):(\d+(?:\.\d+)?)s?$/;

/** Reads the options of `connect`. Throws `ConfigError`. */
export function readConnectPlan(texts: OptionTexts, force: boolean): ConnectPlan {
  const bound = (n: number) => (force ? Number.MAX_SAFE_INTEGER : n);
  const mode = readChoice(texts, "mode", MODES);
  const { rate, holdSec } = DEFAULTS[mode];
  const all = { connectRate: String(rate), hold: String(holdSec), ...texts };
  refuseOfOther(texts, mode);
  const dropShare = texts.restartRelay === undefined ? DROP_SHARE : "0";
  return {
    mode,
    rate: readNumber(all, "connectRate", { min: 0.1, max: bound(BOUNDS.rate), integer: false }),
    holdSec: readNumber(all, "hold", { min: 1, max: bound(BOUNDS.holdSec), integer: false }),
    session: mode === "churn" ? readSession(texts.sessionLength ?? SESSION_LENGTH) : null,
    dropShare:
      mode === "recover"
        ? readNumber({ dropShare, ...texts }, "dropShare", { min: 0, max: 1, integer: false })
        : 0,
    reconnect: readChoice(texts, "reconnect", RECONNECT_POLICIES),
    onOpen: readChoice(texts, "onOpen", ["req", "none", "auth"]),
    ...readAuthRelay(texts),
  };
}

/** The variables of a mode whose texts say what it does anyway. */
export function defaultTexts(mode: ConnectMode): Readonly<Record<string, string>> {
  const { rate, holdSec } = DEFAULTS[mode];
  return {
    CONNECT_RATE: String(rate),
    HOLD_SEC: String(holdSec),
    SESSION_LENGTH: SESSION_LENGTH,
    DROP_SHARE: DROP_SHARE,
  };
}

/** When `recover` cuts its connections, or has a relay restarted: seconds into the window. */
export function cutAtSec({ holdSec, rate }: ConnectPlan, clients: number): number {
  return Math.ceil(clients / rate) + holdSec;
}

/** The window: until all have come, and as long as they are held. */
export function connectSeconds(connect: ConnectPlan, clients: number): number {
  const held = connect.mode === "recover" ? 2 : 1;
  return Math.ceil(clients / connect.rate) + held * connect.holdSec;
}

/**
 * So much of the window has a rate that was set, seconds: until all have come. Of `churn` it is all, as clients come to
 * its end.
 */
export function comingSeconds(connect: ConnectPlan, clients: number): number {
  return connect.mode === "churn" ? connectSeconds(connect, clients) : clients / connect.rate;
}

export function formatSession({ isDrawn, meanSec }: SessionLength): string {
  return `${isDrawn ? "exp" : "fixed"}:${meanSec}s`;
}

function readSession(text: string): SessionLength {
  const [, how, sec = ""] = SESSION.exec(text) ?? [];
  if (how !== undefined && Number(sec) >= 0.1) {
    return { isDrawn: how === "exp", meanSec: Number(sec) };
  }
  throw new ConfigError(
    `${optionLabel("sessionLength")} must be \`exp:SEC\` (drawn, with that mean) or \`fixed:SEC\`, at least 0.1, got \`${clip(text)}\``,
  );
}

/** Nothing but AUTH names the relay. Throws `ConfigError` for what is no URL of one. */
function readAuthRelay({ onOpen, authRelayUrl }: OptionTexts): Pick<ConnectPlan, "authRelayUrl"> {
  if (!authRelayUrl) return {};
  if (onOpen !== "auth")
    throw new ConfigError(`${optionLabel("authRelayUrl")} belongs to \`--on-open auth\``);
  parseRelayUrl(authRelayUrl);
  return { authRelayUrl };
}

/** What has a say in another mode only would be taken for granted here. */
function refuseOfOther(texts: OptionTexts, mode: ConnectMode): void {
  const own = { sessionLength: "churn", dropShare: "recover", restartRelay: "recover" } as const;
  for (const name of ["sessionLength", "dropShare", "restartRelay"] as const) {
    if (texts[name] === undefined || own[name] === mode) continue;
    throw new ConfigError(
      `${optionLabel(name)} belongs to \`--mode ${own[name]}\`, got \`${mode}\``,
    );
  }
}
