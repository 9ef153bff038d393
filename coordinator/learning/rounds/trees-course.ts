/**
 * A round of trees: one bag, which hosts count their rows for under masks, one row of nodes after the
 * other. All sums of a bag are of the same hosts; where one is lost and nobody is left to go on with,
 * the bag is begun anew among the others, as large as what hosts may still say.
 */
import { roundLimits } from '../../../agent/learning/round/limits.ts'
import { askedTold, treeTold } from '../../../agent/learning/round/trees-wire.ts'
import { federationLimits } from '../../../models/federation/limits.ts'
import { halved } from '../../../models/federation/rounds/halves.ts'
import type { Losses } from '../../../models/federation/rounds/votes.ts'
import { type BagSize, bagPlan, sizeWithin } from '../../../models/federation/trees/bag-plan.ts'
import { describedCuts as cuts } from '../../../models/federation/trees/cuts.ts'
import { gainOf, isGain } from '../../../models/federation/trees/deciding.ts'
import { Growing } from '../../../models/federation/trees/growing.ts'
import { packed, unpacked } from '../../../models/federation/trees/packing.ts'
import { type Asked, countsIn } from '../../../models/federation/trees/questions.ts'
import type { GrownTree } from '../../../models/federation/trees/structure.ts'
import { saysNothing } from '../../../models/registry/forest-blob.ts'
import type { PeerId } from '../../../protocol/identity/peer-id.ts'
import type { Candidate } from './candidates.ts'
import type { Candidates, Chosen, Course, Groups, Summed } from './course.ts'
import type { CourseParts, Plan } from './drive.ts'
import { roundsLimits } from './limits.ts'
import { MaskedSum, type Opened } from './masked-sum.ts'
import { roundIdOf } from './round-id.ts'

/** One that is on its way. */
interface Bag {
  readonly attempt: number
  readonly growing: Growing
  /** Of each group, those that are in all its sums. */
  readonly hosts: (readonly PeerId[])[]
  /** Of groups of which nothing comes: why. */
  readonly ends: (Extract<Opened, { ok: false }> | undefined)[]
}

export class TreesCourse implements Course {
  readonly trains = false
  readonly #plan: Plan
  readonly #base: readonly GrownTree[]
  readonly #parts: CourseParts
  #bag: Bag | undefined
  #trees = new Map<string, readonly GrownTree[]>()

  constructor(plan: Plan, base: readonly GrownTree[], parts: CourseParts) {
    this.#plan = plan
    this.#base = base
    this.#parts = parts
  }

  get invitation() {
    return { kind: 'inviteTrees', value: { base: this.#plan.base.hash } } as const
  }

  async summed(first: readonly (readonly PeerId[])[]): Promise<Groups> {
    const { roll, chance } = this.#parts
    for (let [groups, attempt] = [first, 0]; ; groups = halved(roll.present, chance), attempt++) {
      const size = this.#sizeFor(groups)
      if (size === undefined) return { groups, summed: groups.map(() => noMore) }
      const bag = this.#begun(groups, attempt, size)
      this.#bag = bag
      await this.#grow(bag)
      const summed = bag.ends.map(
        (end, at): Summed => end ?? { ok: true, summed: bag.hosts[at] ?? [] },
      )
      const isLost = bag.ends.every((end) => end?.isLost === true)
      const mayAgain = isLost && attempt + 1 < roundLimits.bagsMax
      if (!mayAgain || roll.present.length < this.#needed) return { groups, summed }
    }
  }

  get #needed(): number {
    return Math.max(federationLimits.clientsMin, this.#plan.settings.participantsMin)
  }

  #sizeFor(groups: readonly (readonly PeerId[])[]): BagSize | undefined {
    const { roundBytesMax } = federationLimits
    const left = roundBytesMax - roundsLimits.besideBytes - this.#parts.roll.mostBytes
    const most = Math.max(...groups.map(({ length }) => length))
    return sizeWithin(left, this.#plan.isFirstBag, most)
  }

  #begun(groups: readonly (readonly PeerId[])[], attempt: number, size: BagSize): Bag {
    const { chance } = this.#parts
    const plan = bagPlan({
      bag: attempt,
      isFirst: this.#plan.isFirstBag,
      cuts,
      lots: chance,
      groups: groups.map(({ length }) => length),
      size,
    })
    const ends = groups.map(() => undefined)
    return { attempt, growing: new Growing(plan, cuts), hosts: [...groups], ends }
  }

  async #grow(bag: Bag): Promise<void> {
    const { growing, hosts, ends } = bag
    for (let isFirst = true; ; isFirst = false) {
      const asked = growing.asked()
      if (asked === undefined) return
      const before = growing.groups
      const opened = await Promise.all(
        hosts.map((of, group) =>
          before.includes(group) ? this.#sum(bag, of, asked, isFirst) : undefined,
        ),
      )
      for (const [group, one] of opened.entries()) {
        if (one?.ok === true) hosts[group] = [...one.summed].sort()
        else if (one?.ok === false) ends[group] = one
      }
      growing.take(opened.map((one) => (one?.ok === true ? countsOf(one, asked) : undefined)))
      for (const group of before) {
        if (!growing.groups.includes(group)) ends[group] ??= impossible
      }
      await this.#parts.pause()
    }
  }

  #sum(
    { attempt }: Bag,
    participants: readonly PeerId[],
    asked: Asked,
    isFirst: boolean,
  ): Promise<Opened> {
    const round = roundIdOf(this.#plan, this.#parts)
    const parameters = packed(new Int32Array(countsIn(asked, cuts))).length - 1
    const terms = { round, participants, parameters, clip: 1, sketch: 0 }
    const begin = { round, participants: [...participants], sketch: 0 }
    return new MaskedSum(this.#parts, terms, {
      begin: { kind: 'count', value: { begin, asked: askedTold(asked, attempt) } },
      isOfAll: !isFirst,
      select: (candidates) => ({ peers: [...candidates.keys()], leftOut: 0 }),
    }).run()
  }

  async candidates(): Promise<Candidates> {
    const bag = this.#bag
    const groups = bag?.growing.groups ?? []
    if (bag === undefined || groups.length === 0) {
      const whys = bag?.ends.map((end) => end?.why ?? '') ?? [noMore.why]
      return { ok: false, state: 'failed', why: [...new Set(whys)].join('; ') }
    }
    const candidates: Candidate[] = []
    const whys = new Set<string>()
    for (const of of groups.length > 1 ? [groups, ...groups.map((one) => [one])] : [groups]) {
      const trees = bag.growing.settled(of).filter((tree) => !saysNothing(tree))
      if (trees.length === 0) continue
      const offered = await this.#parts.offer({
        family: 'trees',
        trees: [...this.#base, ...trees],
      })
      if (!offered.ok) {
        whys.add(offered.why)
        continue
      }
      const { hash } = offered
      this.#trees.set(hash, trees)
      const [only] = of
      const isHalf = bag.hosts.length > 1 && of.length === 1 && only !== undefined
      const counted = of.flatMap((group) => bag.hosts[group] ?? [])
      candidates.push({ hash, half: isHalf ? only + 1 : undefined, counted, losses: new Map() })
    }
    if (candidates.length > 0) return { ok: true, candidates }
    if (whys.size > 0) return { ok: false, state: 'failed', why: [...whys].join('; ') }
    return { ok: false, state: 'rejected', why: nothingGrown }
  }

  ballot(candidates: readonly Candidate[]) {
    const told = candidates.map(({ hash }) => {
      return { hash, trees: (this.#trees.get(hash) ?? []).map(treeTold) }
    })
    return { kind: 'voteTrees', value: { candidates: told } } as const
  }

  /** A tree is added for good: who gains most by it is not counted, and nobody who is suspected has a part in it. */
  chosen(candidates: readonly Candidate[], before: Losses, liars: number): Chosen {
    const suspects = new Set<string>(this.#plan.suspects)
    const clean = candidates.filter(({ counted }) => !counted.some((host) => suspects.has(host)))
    const gain = ({ losses }: Candidate) => gainOf(before, losses, liars)
    const among = clean.length > 0 ? clean : candidates
    const candidate = among.reduce((best, each) => (gain(each) > gain(best) ? each : best))
    if (clean.length === 0) return { candidate, why: 'hosts that are suspected had a part in it' }
    const isBetter = isGain(before, candidate.losses, liars)
    return isBetter ? { candidate } : { candidate, why: noGain }
  }
}

function countsOf({ sum, summed }: Extract<Opened, { ok: true }>, asked: Asked) {
  // Each host adds one: another number of them is of somebody who lies.
  if (sum.at(-1) !== summed.length) return undefined
  return unpacked(sum, countsIn(asked, cuts))
}

const impossible = {
  ok: false,
  why: 'no rows could give what was counted there: a host has lied, and nobody can say which',
  isSpoiled: true,
} as const

const noMore = { ok: false, why: 'hosts have said as much as they may in one round' } as const
const nothingGrown = 'nothing that has grown holds for rows that hosts hold back'
const noGain = 'but for those who gain most by it hosts are no better off with it than by chance'
