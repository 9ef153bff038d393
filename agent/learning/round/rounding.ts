/** What a host tells of itself, without what would tell of single rows. */
import { roundLimits } from './limits.ts'

/** To a power of two: it tells nobody when an attempt more has ended. */
export function roundedRows(rows: number): number {
  return 2 ** Math.round(Math.log2(rows))
}

/** More would tell of single rows. */
export function rounded(loss: number): number {
  return Number(loss.toPrecision(roundLimits.lossDigits))
}
