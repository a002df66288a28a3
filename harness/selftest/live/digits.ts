/** More digits than any of these numbers is known to, and short lines. */
export function fiveDigits(value: number): number {
  return Number(value.toPrecision(5));
}
