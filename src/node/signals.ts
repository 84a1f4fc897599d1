/** Ctrl-C and SIGTERM as an AbortSignal: each signal stops what is under way in order. */

export interface Interrupts {
  readonly signal: AbortSignal;
  /** Called at each signal after the first. */
  onRepeat(action: () => void): void;
  release(): void;
}

export function catchInterrupts(): Interrupts {
  const controller = new AbortController();
  const repeats: (() => void)[] = [];
  const onSignal = () => {
    if (controller.signal.aborted) for (const action of repeats) action();
    else controller.abort();
  };
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
  return {
    signal: controller.signal,
    onRepeat: (action) => {
      repeats.push(action);
    },
    release: () => {
      process.off("SIGINT", onSignal);
      process.off("SIGTERM", onSignal);
    },
  };
}
