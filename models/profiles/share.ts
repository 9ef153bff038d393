/** How sure a share of successes is (Wilson's interval): few tries leave much open, none all. */

export interface Share {
  readonly share: number
  /** It lies between these with nine chances in ten. */
  readonly low: number
  readonly high: number
  readonly n: number
}

/** Of the normal distribution, where a twentieth lies beyond. */
const Z = 1.6449

export function shareOf(succeeded: number, tried: number): Share | undefined {
  if (tried === 0) return undefined
  const share = succeeded / tried
  const z2 = Z * Z
  const middle = (share + z2 / (2 * tried)) / (1 + z2 / tried)
  const half =
    (Z / (1 + z2 / tried)) * Math.sqrt((share * (1 - share)) / tried + z2 / (4 * tried * tried))
  return {
    share,
    low: succeeded === 0 ? 0 : middle - half,
    high: succeeded === tried ? 1 : middle + half,
    n: tried,
  }
}
