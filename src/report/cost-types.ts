/** What connections cost: figures of the relay's process, and of the kernel below it. */

/** A slope by least squares, with its 95 % interval. */
export interface Estimate {
  readonly value: number;
  readonly low: number;
  readonly high: number;
  /** It rests on so many looks. */
  readonly looks: number;
}

/** Of the relay's process, as connections were opened and held; `null`: it could not be told. */
export interface ConnectionCosts {
  /** Processor for a handshake and what a client sends behind it, ms. */
  readonly handshakeCpuMs: Estimate | null;
  /** Processor that a connection takes while it is held, µs a second. */
  readonly heldCpuUsPerSec: Estimate | null;
  readonly memoryBytes: Estimate | null;
  /** Memory that is of no file, or all that is resident where these can't be told apart. */
  readonly memoryOf: "anonymous" | "resident";
  readonly openFiles: Estimate | null;
  /** The relay against open connections, in rising order of time. */
  readonly looks: readonly CostLook[];
  /** Work that comes back at a period while all are held. */
  readonly pulses: readonly Pulse[];
  /** Why there is nothing of the relay's process. */
  readonly why: string | null;
}

export interface Pulse {
  readonly periodSec: number;
  /** Of our own pings, or of a period at which relays are known to ping. */
  readonly of: "ping" | "relay";
  /** The second of the period, counted from the start of the window, and in how many periods it was so. */
  readonly atSec: number;
  readonly cycles: number;
  /** Pings of the fullest second of a period, as connections were opened; `null` of a relay's. */
  readonly mostPings: number | null;
  /** Means of the relay's processor in that second, and in the others. */
  readonly cpuPercent: number;
  readonly otherwisePercent: number;
}

export interface CostLook {
  /** Seconds from the start of the measured window. */
  readonly t: number;
  readonly open: number;
  readonly memoryBytes: number | null;
  readonly openFiles: number | null;
  readonly cpuPercent: number | null;
}

/**
 * What the kernel counted on the generator's host, in its network, from before the first connection until behind the
 * last: of all who use it, the relay among them where `ofRelay` says so. `null`: this kernel does not say.
 */
export interface KernelCounts {
  readonly ofRelay: boolean;
  /** Connections that found a listener's queue full, and that no listener took. */
  readonly listenOverflows: number | null;
  readonly listenDrops: number | null;
  /** Answered without a place for them, since the queue of half-open ones was full. */
  readonly synCookies: number | null;
  /** SYN, or the answer to one, sent again: a second and more of waiting. */
  readonly synRetransmits: number | null;
  /** Closed connections that still held their port. */
  readonly timeWait: {
    readonly before: number;
    readonly most: number;
    readonly after: number;
  } | null;
}
