/** Bounds of networks, and how they learn where nothing else is said. */

export const netLimits = {
  featuresMax: 1_024,
  hiddenMax: 4,
  widthMax: 1_024,
  /** Rows of one call for predictions; more are asked for in turn. */
  rowsAtOnce: 8_192,
  /** Steps of training that are asked for at once; a prediction waits for no more of them. */
  stepsAtOnce: 16,
  /** And fewer steps, where their rows take more. */
  bytesAtOnce: 4 << 20,
  /** Adam's, as its authors have them. */
  firstDecay: 0.9,
  secondDecay: 0.999,
  tiny: 1e-8,
} as const

/** How a network learns from rows. Found on the shared traces, and not to one of them. */
export const learnerLimits = {
  hidden: [32, 32],
  batch: 128,
  /** Of training, but no row is gone through more often than `epochsMax` times. */
  steps: 1_500,
  epochsMax: 60,
  rate: 0.004,
  rateAtEnd: 0.0002,
  /**
   * On features of deviation one. Of what begins now it took the error from 25% to 22%; far ahead,
   * where seeds differ by ten points, from 38% to between 31 and 41%.
   */
  noise: 0.5,
  /** Held to where it begins, so that what few rows say is not learned by heart. */
  hold: 0.0005,
  /** Quantiles begin at least so far apart, in natural logarithms. */
  spreadMin: 0.05,
  /** Of fewer, nothing is learned. */
  rowsMin: 50,
  /** Rows that are learned from, the latest. */
  rowsMax: 60_000,
} as const
