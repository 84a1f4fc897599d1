/** Globals of k6 v2.2 that `@types/k6` leaves to the DOM or Node types, which we do not load here. */
declare function setTimeout(callback: () => void, ms: number): number;
declare function clearTimeout(id: number): void;
declare const console: { log(text: string): void; warn(text: string): void };
