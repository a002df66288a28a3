/** The part of jstat that the project uses; the package brings no types. */
declare module 'jstat' {
  interface Distribution {
    inv(probability: number, ...parameters: number[]): number;
    cdf(value: number, ...parameters: number[]): number;
  }
  const module: { jStat: { studentt: Distribution; normal: Distribution; beta: Distribution } };
  export default module;
}
