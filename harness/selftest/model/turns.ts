/**
 * Whose turn a slice is when arms take turns in order and back: 0 1 2 2 1 0, and again. All arms
 * then have the same mean place in time, so that a steady trend favours none.
 */
export function placeInTurn(slice: number, arms: number): number {
  const turn = slice % (2 * arms);
  return turn < arms ? turn : 2 * arms - 1 - turn;
}
