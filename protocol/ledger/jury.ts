/**
 * Compares what the voters say that they hold with what this replica holds, and judges who is to
 * stop when it is not the same: whoever cannot have a majority of the voters with it.
 *
 * What a voter says of an entry that was applied is true for ever, however late it is heard, so
 * nothing said is too old to count; and two states that were once different stay suspect, though
 * they may have become equal again. What is not from a voter counts for nothing.
 */
import type { PeerId } from '../identity/peer-id.ts'
import type { DigestMark } from './digest-trail.ts'

/** A voter, with the disk that it was admitted with: another disk is another witness. */
export interface Juror {
  readonly id: PeerId
  readonly storage: number
}

export interface Difference {
  readonly index: number
  readonly ours: string
  readonly theirs: string
}

export type Verdict =
  /** Nobody is known to hold anything else. */
  | { kind: 'same' }
  /** Some do, and a majority holds what is held here: it is theirs to stop. */
  | { kind: 'upheld'; difference: Difference; against: readonly PeerId[] }
  /** Some do, and no majority can hold what is held here. */
  | { kind: 'outvoted'; difference: Difference; against: readonly PeerId[] }
  /** Some do, and not enough have been heard to say who is right. */
  | { kind: 'hung'; difference: Difference; against: readonly PeerId[] }

interface Testimony {
  readonly juror: Juror
  /** The latest entry at which it held the same. */
  sameAt: number
  /** The earliest at which it did not. */
  differed: Difference | undefined
}

export class Jury {
  private testimonies: Testimony[] = []

  /** `ours`: what was held here at the same entry; undefined if that is not known. */
  hear(juror: Juror, { index, digest }: DigestMark, ours: string | undefined): void {
    if (ours === undefined) return
    const testimony = this.of(juror)
    // As much as travels is compared.
    if (ours.startsWith(digest) && digest.length > 0)
      testimony.sameAt = Math.max(testimony.sameAt, index)
    else if (testimony.differed === undefined || index < testimony.differed.index)
      testimony.differed = { index, ours: ours.slice(0, digest.length), theirs: digest }
  }

  /** `voters`: those who decide now, this replica among them if `votes`. */
  judge(voters: readonly Juror[], self: PeerId, votes: boolean): Verdict {
    this.forgetOthersThan(voters)
    const others = voters.filter(({ id }) => id !== self)
    const against = others.filter((juror) => this.heardOf(juror)?.differed !== undefined)
    let difference: Difference | undefined
    for (const juror of against) {
      const differed = this.heardOf(juror)?.differed
      if (differed && (!difference || differed.index < difference.index)) difference = differed
    }
    if (difference === undefined) return { kind: 'same' }
    const since = difference.index
    const withUs = others.filter((juror) => {
      const testimony = this.heardOf(juror)
      return testimony !== undefined && !testimony.differed && testimony.sameAt >= since
    })
    const needed = Math.floor(voters.length / 2) + 1
    const verdict = { difference, against: against.map(({ id }) => id) }
    if (withUs.length + (votes ? 1 : 0) >= needed) return { kind: 'upheld', ...verdict }
    if (voters.length - against.length < needed) return { kind: 'outvoted', ...verdict }
    return { kind: 'hung', ...verdict }
  }

  private of(juror: Juror): Testimony {
    const known = this.heardOf(juror)
    if (known) return known
    const testimony = { juror, sameAt: -1, differed: undefined }
    this.testimonies.push(testimony)
    return testimony
  }

  /** There are no more of them than voters. */
  private heardOf(juror: Juror): Testimony | undefined {
    return this.testimonies.find((testimony) => isSame(testimony.juror, juror))
  }

  private forgetOthersThan(voters: readonly Juror[]): void {
    const stays = ({ juror }: Testimony) => voters.some((voter) => isSame(voter, juror))
    if (!this.testimonies.every(stays)) this.testimonies = this.testimonies.filter(stays)
  }
}

function isSame(a: Juror, b: Juror): boolean {
  return a.storage === b.storage && a.id === b.id
}
