/**
 * SplitMix64: a stream of uint64 from a seed; used to give every round a seed of its own.
 * Source: Steele, Lea, Flood, «Fast splittable pseudorandom number generators», OOPSLA 2014.
 */
export function splitMix64(seed: bigint): () => bigint {
  let state = BigInt.asUintN(64, seed);
  return () => {
    state = BigInt.asUintN(64, state + 0x9e3779b97f4a7c15n);
    let z = state;
    z = BigInt.asUintN(64, (z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n);
    z = BigInt.asUintN(64, (z ^ (z >> 27n)) * 0x94d049bb133111ebn);
    return z ^ (z >> 31n);
  };
}

/**
 * xoshiro128**: integers in [0, bound) from a seed, for resampling.
 * Source: Blackman, Vigna, «Scrambled linear pseudorandom number generators», 2018.
 * The small bias of scaling a 32-bit value is below 2⁻²⁰ for the bounds used here (≤ 4,096).
 */
export function randomIntegers(seed: bigint): (bound: number) => number {
  const next64 = splitMix64(seed);
  const halves = [next64(), next64()].flatMap((v) => [Number(v & 0xffffffffn), Number(v >> 32n)]);
  let [a = 1, b = 0, c = 0, d = 0] = halves;
  const rotateLeft = (x: number, k: number) => (x << k) | (x >>> (32 - k));
  return (bound) => {
    const result = Math.imul(rotateLeft(Math.imul(b, 5), 7), 9) >>> 0;
    const t = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= t;
    d = rotateLeft(d, 11);
    return Math.floor((result / 2 ** 32) * bound);
  };
}

/** Normal variates from a seed (Box–Muller), for simulations. */
export function normals(seed: bigint): () => number {
  const below = randomIntegers(seed);
  const uniform = () => (below(2 ** 32) + 0.5) / 2 ** 32;
  return () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
}

/** FNV-1a over UTF-8, 64 bits: turns a name into a seed. */
export function seedFromName(name: string): bigint {
  let hash = 0xcbf29ce484222325n;
  for (const byte of new TextEncoder().encode(name)) {
    hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  }
  return hash;
}
