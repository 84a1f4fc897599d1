/** Student's t: how many standard errors an interval must reach, for so many degrees of freedom. */

/** From here on Student's distribution is the normal one for our purposes. */
export const MANY = 400;

/**
 * The two-sided point: a share `alpha` of the distribution lies beyond it. Fractions of a degree of
 * freedom are cut off, which widens.
 */
export function studentPoint(alpha: number, degrees: number): number {
  const whole = Math.min(MANY, Math.max(1, Math.floor(degrees)));
  let [low, high] = [0, 1];
  while (beyond(high, whole) > alpha) high *= 2;
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    if (beyond(middle, whole) > alpha) low = middle;
    else high = middle;
  }
  return high;
}

/** The share of |t| beyond `t`: the finite series for whole degrees (Abramowitz and Stegun 26.7.3, 26.7.4). */
function beyond(t: number, degrees: number): number {
  const angle = Math.atan(t / Math.sqrt(degrees));
  const cosine = Math.cos(angle);
  const isOdd = degrees % 2 === 1;
  let term = isOdd ? cosine : 1;
  let sum = degrees === 1 ? 0 : term;
  for (let k = isOdd ? 3 : 2; k <= degrees - 2; k += 2) {
    term *= (cosine * cosine * (k - 1)) / k;
    sum += term;
  }
  const series = Math.sin(angle) * sum;
  return 1 - (isOdd ? (2 / Math.PI) * (angle + series) : series);
}
