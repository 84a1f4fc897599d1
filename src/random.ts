/**
 * Seeded chance. Everything random in a run comes from here, so that the same seed gives the same
 * event ids and the same schedule, in Node and in k6 alike.
 */

/** A source of numbers in [0, 1). */
export type Random = () => number;

/**
 * Gives a generator for a seed and a purpose (`"arrivals/3"`, `"mix"`): streams of different
 * purposes are independent of each other. The seed text is hashed by xmur3, the numbers come from
 * sfc32 (PractRand-tested; 128 bits of state, 32 bits a number).
 */
export function seededRandom(seed: string, purpose: string): Random {
  const next = hash32(`${seed}\n${purpose}`);
  let a = next();
  let b = next();
  let c = next();
  let d = next();
  const random = (): number => {
    // As few steps as give the same 32 bits: one is drawn for each event that k6 sends.
    const t = (a + b + d) | 0;
    d = (d + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c * 9) | 0;
    c = (((c << 21) | (c >>> 11)) + t) | 0;
    return (t >>> 0) / 4_294_967_296;
  };
  // The first outputs still show the seed's structure.
  for (let i = 0; i < 15; i++) random();
  return random;
}

/** An integer in [0, limit). */
export function randomInt(random: Random, limit: number): number {
  return Math.floor(random() * limit);
}

function hash32(text: string): () => number {
  let h = 1_779_033_703 ^ text.length;
  for (let i = 0; i < text.length; i++) {
    h = Math.imul(h ^ text.charCodeAt(i), 3_432_918_353);
    h = (h << 13) | (h >>> 19);
  }
  return () => {
    h = Math.imul(h ^ (h >>> 16), 2_246_822_507);
    h = Math.imul(h ^ (h >>> 13), 3_266_489_909);
    h ^= h >>> 16;
    return h >>> 0;
  };
}
