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
