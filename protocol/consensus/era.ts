/**
 * Eras. A mesh that has lost its quorum for good goes on by an operator's word, from the log of one
 * survivor: that begins a new era. A term is an era and a count within it, so every message and
 * every entry says which era it is from; and no election of an earlier one, however many vote in it
 * and however long their logs, can ever reach a term of a later one.
 *
 * Nothing is carried over from era to era but by the survivor: a node that holds an earlier era's
 * log and hears of a later one neither follows nor votes nor stands any more. Its driver sets the
 * log aside and begins again as another disk, with nothing.
 */
import { assert } from '../assert.ts'
import { below, type Entropy } from '../ports/entropy.ts'

/** Elections of one era: one every second would take half a year. */
export const termsPerEra = 2 ** 24

/** Eras fill what is left of a whole number. */
export const eraMax = 2 ** 29 - 1

/**
 * The next era is drawn from so many, so that two survivors that were both made to begin one do not
 * begin the same: then the one with the earlier era gives way, as everybody of an earlier era does.
 * Enough are left for some sixteen thousand recoveries.
 */
export const eraStride = 2 ** 16

export function eraOf(term: number): number {
  return Math.floor(term / termsPerEra)
}

/** In it stands what begins the era. Nobody is elected in it. */
export function firstTermOf(era: number): number {
  return era * termsPerEra
}

export function drawEraAfter(era: number, entropy: Entropy): number {
  const next = era + 1 + below(entropy, eraStride)
  assert(next <= eraMax, 'a term must stay a whole number', { era })
  return next
}

/** The term to stand in. */
export function termAfter(term: number): number {
  assert(eraOf(term + 1) === eraOf(term), 'an era has terms enough', { term })
  return term + 1
}

/** For people. Before any recovery, it is the plain number. */
export function termText(term: number): string {
  const era = eraOf(term)
  return era === 0 ? String(term) : `${term - firstTermOf(era)} of era ${era}`
}
