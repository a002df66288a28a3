/**
 * Whose turn a slice is, as the generator has it (go-fixtures/internal/loadgen/schedule): two arms go
 * there and back, 0 1 1 0, so that a steady trend favours none; more go round, 0 1 2 0 1 2, so that
 * each waits equally long for its turn.
 */
export function placeInTurn(slice: number, arms: number): number {
  if (arms > 2) {
    return slice % arms;
  }
  const turn = slice % (2 * arms);
  return turn < arms ? turn : 2 * arms - 1 - turn;
}
