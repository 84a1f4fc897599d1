/** Whether any connection has room for another open query. */
export class Room {
  /** Until when none had, and what was due waited for it: its lateness is not this generator's. */
  heldUntilMs = 0;
  private readonly maxInFlight: number;
  private connected = 0;

  constructor(maxInFlight: number) {
    this.maxInFlight = maxInFlight;
  }

  opened(): void {
    this.connected++;
  }

  dropped(): void {
    this.connected--;
  }

  /** With so many open over all connections. Without a connection nothing is held: what is due has none. */
  isFull(open: number): boolean {
    return this.connected > 0 && open >= this.connected * this.maxInFlight;
  }

  /** Of a question that was due then: since when it could be asked. */
  since(dueMs: number): number {
    return this.heldUntilMs > dueMs ? this.heldUntilMs : dueMs;
  }
}
