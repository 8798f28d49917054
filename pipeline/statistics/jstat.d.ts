/** The part of jstat (no types of its own) that is used here. */
declare module "jstat" {
  const jstat: {
    /** Regularised incomplete beta function I_x(a, b). */
    ibeta(x: number, a: number, b: number): number;
    /** Regularised lower incomplete gamma function P(a, x). */
    lowRegGamma(a: number, x: number): number;
    studentt: { inv(p: number, degreesOfFreedom: number): number };
    normal: { cdf(x: number, mean: number, sd: number): number };
  };
  export default jstat;
}
