/**
 * Trees that hosts grow together, one bag after the other. In each, hosts count their rows in what has
 * grown so far, in two halves where there are enough of them; all of what is counted says where trees
 * are cut, and leaves are settled by each half and by both. Hosts then vote, each by rows that it has
 * held back, and what they are best off with is added; a bag that is no gain is pruned.
 *
 * In memory, with everything that a mesh would say of rows said under masks, in the form in which it
 * would be sent.
 */
import type { PeerId, Signer } from '../../../protocol/identity/peer-id.ts'
import type { Entropy } from '../../../protocol/ports/entropy.ts'
import type { Forest } from '../../forest.ts'
import type { LastWord } from '../rounds/carrying.ts'
import type { RoundReport } from '../rounds/federation.ts'
import { Halves } from '../rounds/halves.ts'
import { advantage, type Losses } from '../rounds/votes.ts'
import { Bag } from './bag.ts'
import { bagPlan } from './bag-plan.ts'
import type { Cuts } from './cuts.ts'
import { gainOf, isGain, worthToOthers } from './deciding.ts'
import { forestOf } from './forest.ts'
import { Growing } from './growing.ts'
import type { Asked } from './questions.ts'
import type { GrownTree } from './structure.ts'
import { type Counted, type CountsSummed, sumInTheOpen, sumOfCounts } from './summing.ts'

/** What a host does for trees; it may lie. */
export interface TreeHost {
  readonly signer: Signer
  counts(asked: Asked): Int32Array
  loss(trees: readonly GrownTree[]): number
  take(trees: readonly GrownTree[]): void
  /** Forgets all trees. */
  beginAnew(): void
}

export interface TreeCourse {
  readonly rounds: number
  readonly masked: boolean
  readonly votes: boolean
  readonly liarsMax: number
  /** As many as a host counts for, which is more than one where one has the rows of many. */
  readonly hostsEach: number
}

export interface Around {
  readonly cuts: Cuts
  readonly start: readonly number[]
  readonly chance: Entropy
  lastWord?(host: PeerId, round: number): LastWord
}

interface Kept {
  readonly trees: readonly GrownTree[]
  readonly losses: Losses
}

interface Candidate extends Kept {
  readonly groups: readonly number[]
  readonly counted: readonly PeerId[]
}

/** Suspects that are the same for so many bags are believed to be some, and so often all is begun anew. */
const steadyBags = 4
const begunAnewMax = 2
/**
 * So much of a course may have passed by then: few trees are worse than some that are false. And when
 * there is little left to learn, whoever has nothing to add looks a little like who lies.
 */
const lastBeginning = 1 / 2
/** In a bag in which no half is worth more or less than this there is little left to learn: it says nothing. */
const tellingMin = 0.01
/** What suspects have had no part in is taken though it is so much worse by votes, which are of the past. */
const preferred = 0.02

export class TreeFederation {
  readonly #hosts: ReadonlyMap<PeerId, TreeHost>
  readonly #course: TreeCourse
  readonly #around: Around
  readonly #halves: Halves<PeerId>
  #trees: GrownTree[] = []
  #losses: Losses = new Map()
  /** Of all whose counts are in the trees that there are. */
  #countedIn = new Set<PeerId>()
  /** What there was when all was begun anew, should that be the better. */
  #before: Kept | undefined
  /** Hosts were no better off with a first bag: what is said of all is where rows are already. */
  #isNear = false
  #begunAnew = 0
  #steady = 0
  #round = 0

  constructor(hosts: readonly TreeHost[], course: TreeCourse, around: Around) {
    this.#hosts = new Map(hosts.map((host) => [host.signer.id, host]))
    this.#course = course
    this.#around = around
    this.#halves = new Halves(
      [...this.#hosts.keys()],
      course.liarsMax,
      around.chance.stream('halves'),
    )
  }

  get forest(): Forest {
    const { cuts, start } = this.#around
    return forestOf(this.#best().trees, cuts, start)
  }

  get suspects(): ReadonlySet<PeerId> {
    return this.#halves.suspects
  }

  round(): RoundReport {
    this.#round++
    if (this.#round === 1 || this.#isTainted()) this.#beginAnew()
    const present = [...this.#hosts.keys()].filter((host) => this.#saysIn(host) !== 'nothing')
    const groups = this.#course.votes ? this.#halves.draw(present) : [present.sort()]
    const bag = new Bag(groups, this.#growing(groups))
    const why = this.#grow(bag)
    const candidates = bag.isGrown ? this.#candidatesOf(bag) : []
    const suspects = this.suspects
    if (groups.length > 1) this.#rate(candidates, bag)
    this.#steady = isSame(this.suspects, suspects) ? this.#steady + 1 : 0
    const chosen = this.#chosen(
      candidates.filter(({ counted }) => !counted.some((host) => suspects.has(host))),
    )
    const isKept = chosen !== undefined && this.#take(chosen)
    if (!isKept && chosen !== undefined) this.#isNear = true
    return {
      number: this.#round,
      ended: candidates.length === 0 ? 'failed' : isKept ? 'kept' : 'undone',
      ...(why === undefined ? {} : { why }),
      counted: isKept ? (chosen?.counted ?? []) : [],
      leftOut: [],
      ...bag.mostBytes(candidates.map(({ trees }) => trees)),
    }
  }

  #growing(groups: readonly (readonly PeerId[])[]): Growing {
    const { cuts, chance } = this.#around
    const plan = bagPlan({
      bag: this.#round,
      isFirst: this.#trees.length === 0 && !this.#isNear,
      cuts,
      lots: chance.stream(`features ${this.#round}`),
      groups: groups.map(({ length }) => length * this.#course.hostsEach),
    })
    return new Growing(plan, cuts)
  }

  /** Why somebody's sum is not there, if that is so. */
  #grow(bag: Bag): string | undefined {
    let why: string | undefined
    for (;;) {
      const asked = bag.growing.asked()
      if (asked === undefined) return why
      const sums = bag.groups.map((_, group) => this.#sum(bag, group, asked))
      for (const sum of sums) if (!sum.ok) why = sum.why
      bag.growing.take(sums.map((sum) => (sum.ok ? sum.counts : undefined)))
      if (bag.growing.groups.length < sums.filter(({ ok }) => ok).length) why = 'impossible'
    }
  }

  #sum(bag: Bag, group: number, asked: Asked): CountsSummed {
    if (!bag.growing.groups.includes(group)) {
      return { ok: false, why: 'tooFew', traffic: new Map() }
    }
    const given = bag.hostsIn(group).map((id): Counted => {
      const host = this.#hosts.get(id) as TreeHost
      return { signer: host.signer, counts: host.counts(asked), lastWord: this.#saysIn(id) }
    })
    const name = `bag ${this.#round} sum ${bag.sums} of ${bag.hostsIn(group).join()}`
    const sum = this.#course.masked
      ? sumOfCounts(given, name, this.#around.chance.stream('masks'))
      : sumInTheOpen(given.filter(({ lastWord }) => lastWord === 'all'))
    bag.took(group, sum, asked)
    return sum
  }

  /** All that is believed together first, then each half. */
  #candidatesOf(bag: Bag): Candidate[] {
    const groups = bag.growing.groups
    const each = groups.length > 1 ? [groups, ...groups.map((group) => [group])] : [groups]
    return each.map((of) => {
      const trees = bag.growing.settled(of)
      const counted = of.flatMap((group) => bag.hostsIn(group))
      return {
        groups: of,
        counted,
        trees,
        losses: this.#course.votes ? this.#voted(trees) : new Map(),
      }
    })
  }

  #chosen(candidates: readonly Candidate[]): Candidate | undefined {
    const [first] = candidates
    if (first === undefined || !this.#course.votes) return first
    return candidates.reduce((best, each) => (this.#gain(each) > this.#gain(best) ? each : best))
  }

  /** By those who are not thought to lie; of the others fewer may do so. */
  #gain({ losses }: Pick<Kept, 'losses'>): number {
    return gainOf(this.#losses, this.#heard(losses), this.#liarsLeft)
  }

  #isGain({ losses }: Pick<Kept, 'losses'>): boolean {
    return isGain(this.#losses, this.#heard(losses), this.#liarsLeft)
  }

  #heard(losses: Losses): Losses {
    return new Map([...losses].filter(([host]) => !this.suspects.has(host)))
  }

  get #liarsLeft(): number {
    return Math.max(0, this.#course.liarsMax - this.suspects.size)
  }

  /** By each group alone, what it is worth to others; and by none what no rows could give. */
  #rate(candidates: readonly Candidate[], bag: Bag): void {
    const alone = bag.groups.map((_, at) =>
      candidates.find(({ groups }) => groups.length === 1 && groups[0] === at),
    )
    const worths = bag.groups.map((hosts, at) => {
      const one = alone[at]
      const others = one && worthToOthers(hosts, this.#losses, one.losses)
      return one && others !== undefined ? others + this.#gain(one) : Number.NEGATIVE_INFINITY
    })
    const isTelling = this.suspects.size > 0 || worths.some((worth) => Math.abs(worth) > tellingMin)
    for (const [at, hosts] of bag.groups.entries()) {
      // What no rows could give, or what does not even hold for rows that the same hosts held back.
      const isNone = alone[at] === undefined || alone[at].trees.length === 0
      const worth = isNone ? Number.NEGATIVE_INFINITY : (worths[at] as number)
      if (isTelling) this.#halves.played(hosts, [], worth)
    }
  }

  /** What has been grown with somebody who is thought to lie, and has been for a while. */
  #isTainted(): boolean {
    if (this.#begunAnew >= begunAnewMax || this.#steady < steadyBags) return false
    if (this.#round > lastBeginning * this.#course.rounds) return false
    return [...this.suspects].some((host) => this.#countedIn.has(host))
  }

  #beginAnew(): void {
    if (this.#trees.length > 0) {
      this.#before = this.#best()
      this.#begunAnew++
    }
    this.#trees = []
    this.#isNear = false
    this.#countedIn = new Set()
    for (const host of this.#hosts.values()) host.beginAnew()
    this.#losses = this.#voted([])
  }

  /** What hosts are best off with, of what there is and what there was. */
  #best(): Kept {
    const now = { trees: this.#trees, losses: this.#losses }
    if (this.#before === undefined) return now
    const [heard, before] = [this.#heard(now.losses), this.#heard(this.#before.losses)]
    return advantage(heard, before, this.#liarsLeft) > -preferred ? now : this.#before
  }

  #take({ trees, losses, counted }: Candidate): boolean {
    const { votes } = this.#course
    if (trees.length === 0 || (votes && !this.#isGain({ losses }))) return false
    this.#trees.push(...trees)
    for (const host of counted) this.#countedIn.add(host)
    for (const host of this.#hosts.values()) host.take(trees)
    this.#losses = losses
    return true
  }

  #voted(trees: readonly GrownTree[]): Losses {
    const losses = new Map<PeerId, number>()
    for (const [id, host] of this.#hosts) {
      if (this.#saysIn(id) === 'all') losses.set(id, host.loss(trees))
    }
    return losses
  }

  #saysIn(host: PeerId): LastWord {
    return this.#around.lastWord?.(host, this.#round) ?? 'all'
  }
}

function isSame(some: ReadonlySet<PeerId>, others: ReadonlySet<PeerId>): boolean {
  return some.size === others.size && some.isSubsetOf(others)
}
