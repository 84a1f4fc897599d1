/** Publishes that are timed out are remembered, so that a late OK is known for what it is. */
import type { Lane } from "./lane.ts";

/** Up to so many in a VU. */
const MOST_REMEMBERED = 100_000;

export class LateBook {
  private remembered = 0;

  add(lane: Lane, key: string): void {
    if (this.remembered >= MOST_REMEMBERED) return;
    lane.late ??= new Set();
    lane.late.add(key);
    this.remembered++;
  }

  /** Whether this OK is a late one, the first for its publish. */
  take(lane: Lane, key: string): boolean {
    if (!lane.late?.delete(key)) return false;
    this.remembered--;
    return true;
  }

  /** The connection is gone, and with it all late OKs. */
  forget(lane: Lane): void {
    this.remembered -= lane.late?.size ?? 0;
    lane.late = null;
  }

  isRight(lanes: readonly Lane[]): boolean {
    return this.remembered === lanes.reduce((sum, { late }) => sum + (late?.size ?? 0), 0);
  }
}
