/**
 * Which hosts are asked into a round, and which are not for what is known of them. Pure: it decides,
 * `planning.ts` looks who is there.
 */
import { withAll } from '../../../models/federation/rounds/halves.ts'
import type { PeerId } from '../../../protocol/identity/peer-id.ts'
import { type Entropy, shuffle } from '../../../protocol/ports/entropy.ts'
import { roundsLimits } from './limits.ts'
import type { Barred } from './roll-call.ts'
import type { Round } from './rows.ts'
import { recordOf, recordText } from './suspicion.ts'

export interface Candidates {
  /** All that are here and take work. */
  readonly here: readonly PeerId[]
  /** Who has a copy of the ledger: others give nothing in a round that they do not find there. */
  readonly holders: ReadonlySet<string>
  /** Found to lie under masks. */
  readonly liars: ReadonlySet<string>
  /** The worst first. */
  readonly suspects: readonly string[]
  /** So many are left, if anybody is left out on suspicion. */
  readonly leftMin: number
  /** The last rounds, newest first. */
  readonly rated: readonly Round[]
}

export interface Invited {
  readonly hosts: readonly PeerId[]
  readonly barred: readonly Barred[]
}

/** By lot where they are too many. */
export function invitedOf(of: Candidates, entropy: Entropy): Invited {
  const { here, holders, liars, rated } = of
  const { participantsMax, barredMax } = roundsLimits
  const able = here.filter((id) => holders.has(id))
  const lied = able.filter((id) => liars.has(id))
  const honest = able.filter((id) => !liars.has(id))
  // One round in four is with suspects: whoever is wronged, or well again, comes back.
  const isWithAll = entropy.unit() < withAll
  const suspected = isWithAll ? [] : leftOutOf(honest, of)
  const unaware = here.filter((id) => !holders.has(id))
  const barred: Barred[] = [
    ...lied.map((id) => ({ id, out: 'refused' as const, why: liarWhy })),
    ...suspected.map((id) => {
      const why = `not asked: ${recordText(recordOf(rated, id))}; one round in four is with it`
      return { id, out: 'suspected' as const, why }
    }),
    ...unaware.map((id) => ({ id, out: 'excused' as const, why: unawareWhy })),
  ]
  const others = honest.filter((id) => !suspected.includes(id))
  return {
    hosts: shuffle(entropy, others).slice(0, participantsMax),
    barred: barred.slice(0, barredMax),
  }
}

/**
 * No more than the others can do without: nobody is cleared, and nothing is learned, where suspicion
 * leaves too few for a round. Whoever had nothing to say last time is not counted on.
 */
function leftOutOf(honest: readonly PeerId[], of: Candidates): PeerId[] {
  const { suspects, leftMin, rated } = of
  const known = suspects.flatMap((id) => honest.find((host) => host === id) ?? [])
  const counted = honest.filter((id) => !known.includes(id) && hadSomething(id, rated)).length
  const spare = Math.max(0, counted + known.length - leftMin)
  return known.slice(0, spare)
}

/** By the last round that it was asked into; of whom nothing is known the best is thought. */
function hadSomething(host: string, rated: readonly Round[]): boolean {
  for (const { hosts } of rated) {
    const line = hosts.find(({ id }) => id === host)
    if (line === undefined || line.out === 'suspected') continue
    return line.out === undefined || line.out === 'notCounted'
  }
  return true
}

const liarWhy = `it was not asked: it has lied under masks in one of the last ${roundsLimits.liarRounds} rounds`

const unawareWhy =
  'it was not asked: it holds no copy of the ledger, which says what rounds there are'
