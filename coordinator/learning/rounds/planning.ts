/** What a round begins with: which version, which hosts, how far a step may go; and where versions are kept. */
import type { Agent } from '../../../agent/agent.ts'
import { notThere } from '../../../agent/learning/models.ts'
import { roundLimits } from '../../../agent/learning/round/limits.ts'
import { federationLimits } from '../../../models/federation/limits.ts'
import { rateIn, usualCourse } from '../../../models/federation/rounds/course.ts'
import { treesLimits } from '../../../models/federation/trees/limits.ts'
import { packed, wrongNumbers } from '../../../models/registry/blob.ts'
import { firstCommon } from '../../../models/registry/common.ts'
import { forestMade, nodesIn, wrongTrees } from '../../../models/registry/forest-blob.ts'
import type { Family } from '../../../models/registry/learned.ts'
import { familyOf, headOf, registryIn, shadowsIn } from '../../../models/registry/versions.ts'
import type { PeerId } from '../../../protocol/identity/peer-id.ts'
import { read } from '../../../protocol/ledger/read.ts'
import { DiskError } from '../../../protocol/ports/disk.ts'
import type { Entropy } from '../../../protocol/ports/entropy.ts'
import type { Kept, Made } from './course.ts'
import type { DecodedRounds } from './decoded.ts'
import type { Base, Plan } from './drive.ts'
import { type Invited, invitedOf } from './inviting.ts'
import { roundsLimits } from './limits.ts'
import { againstIn } from './objections.ts'
import { type Round, type Rounds, roundIn } from './rows.ts'
import type { RoundSettings } from './settings.ts'

/** `isNew`: nothing was learned yet, or it is lost. */
export type Found = ({ ok: true; isNew: boolean } & Base) | { ok: false; why: string }

/** Honest hosts stay whole, and nobody is longer than a few of them. */
const clipOfUsual = 3
const clipMin = 0.01

export class RoundPlanning {
  readonly #agent: Agent
  readonly #entropy: Entropy
  readonly #decoded: DecodedRounds

  constructor(agent: Agent, entropy: Entropy, decoded: DecodedRounds) {
    this.#agent = agent
    this.#entropy = entropy
    this.#decoded = decoded
  }

  /**
   * What training goes on from; where nothing was learned yet, numbers of chance, or no tree. A version
   * that somebody has is waited for: what was learned is not thrown away for a host that is slow.
   */
  async base(family: Family, { noise }: Pick<RoundSettings, 'noise'>): Promise<Found> {
    if (family === 'trees' && noise > 0) return { ok: false, why: noNoise }
    const { ledger, learning, ports } = this.#agent
    const view = registryIn(ledger.state)
    const { active } = view
    const ofFamily = active !== undefined && familyOf(active) === family ? active.hash : undefined
    for (const hash of new Set([headOf(view, family), ofFamily])) {
      if (hash === undefined) continue
      const fetched = await learning.models.search(hash, this.#likelyHolders(hash))
      if (fetched.ok) {
        const { learned } = fetched
        // Only whoever has led and lied can have written so: it is as if it were not there.
        if (learned.family !== family) continue
        if (!isFull(learned)) return { ok: true, hash, learned, isNew: false }
        const isUnjudged = shadowsIn(view).some((version) => version.hash === hash)
        return isUnjudged ? { ok: false, why: fullWhy } : this.#begun(family)
      }
      const why = `the version that training goes on from is not to be had: ${fetched.why}`
      if (fetched.why !== notThere) return { ok: false, why }
      ports.log.child('rounds').warn('nobody has a version any more', { version: hash })
    }
    return this.#begun(family)
  }

  async #begun(family: Family): Promise<Found> {
    const learned: Made =
      family === 'net' ? { family, parameters: firstCommon(this.#entropy) } : { family, trees: [] }
    const kept = await this.keep(learned)
    return kept.ok ? { ...kept, learned, isNew: true } : kept
  }

  planOf(term: number, base: Base, { settings, tally, last: latest }: Rounds): Plan {
    const last = latest && this.#lastOfNet(latest)
    const rate = rateIn(usualCourse, Math.min(tally.kept, usualCourse.rounds) + 1)
    // Under noise it is the measure of all, and stays what it is.
    const usual = settings.noise === 0 ? last?.usualLength : undefined
    const clip = usual !== undefined && usual > 0 ? clipAfter(usual) : usualCourse.clip
    const { stride } = tally
    const number = tally.number + 1
    const invited = this.#invited(tally.suspects, settings.participantsMin)
    const { suspects } = tally
    const isFirstBag = this.#isFirstBag(base)
    const against = base.learned.family === 'net' ? this.#against() : []
    const rest = { suspects, against, isFirstBag, ...invited }
    return { term, number, base, settings, rate, clip, stride, ...rest }
  }

  /** By what was said of all rounds that are known: the first, in which most was gained, tell most. */
  #against(): string[] {
    const { state } = this.#agent.ledger
    return againstIn(this.#decoded.last(state, roundsLimits.roundsMax).reverse())
  }

  /** Where hosts are no better off with that, what is said of all is where rows are already. */
  #isFirstBag({ hash, learned }: Base): boolean {
    if (learned.family === 'net' || learned.trees.length > 0) return false
    const late = this.#decoded.last(this.#agent.ledger.state, roundsLimits.ratedRounds)
    const before = late.find(({ family }) => family === 'trees')
    return before?.base !== hash || before.state !== 'rejected'
  }

  /** How long updates are is known of the network's rounds. */
  #lastOfNet(latest: Round): Round | undefined {
    if (latest.family === 'net') return latest
    const late = this.#decoded.last(this.#agent.ledger.state, roundsLimits.ratedRounds)
    return late.find(({ family }) => family === 'net')
  }

  /** On this disk. What is no model, and a disk that takes none, end a round. */
  async keep(made: Made): Promise<Kept> {
    const wild = made.family === 'net' ? wrongNumbers(made.parameters) : wrongTrees(made.trees)
    if (wild !== undefined) return { ok: false, why: `what came of it is no model: ${wild}` }
    const { version, learned } = made.family === 'net' ? netMade(made) : forestMade(made.trees)
    try {
      return { ok: true, hash: await this.#agent.learning.models.put(version, learned) }
    } catch (error) {
      if (!(error instanceof DiskError)) throw error
      return { ok: false, why: `the leader cannot keep a version: ${error.message}` }
    }
  }

  /** All others that are alive: before all those that were in the round that it comes from. */
  #likelyHolders(hash: string): PeerId[] {
    const { ledger, membership } = this.#agent
    const { state } = ledger
    const made = registryIn(state).versions.find((version) => version.hash === hash)?.round
    const hosts = made === undefined ? [] : (roundIn(state, made)?.hosts ?? [])
    const voted = new Set(hosts.flatMap(({ id, after }) => (after === undefined ? [] : [id])))
    const others = membership.members().filter(({ self, state: is }) => !self && is === 'alive')
    return others.map(({ id }) => id).sort((a, b) => Number(voted.has(b)) - Number(voted.has(a)))
  }

  /** Of all that are here and take work; what is known of each is looked up once. */
  #invited(suspects: readonly string[], participantsMin: number): Invited {
    const { membership, ledger, settings, trust } = this.#agent
    const { state } = ledger
    const here = membership
      .members()
      .filter(({ self, state: is }) => self || is === 'alive')
      .map(({ id }) => id)
      .filter((id) => !trust.isRevoked(settings.keyOf(id)))
      .filter((node) => read(state, { kind: 'nodeGet', node }).value?.drained === undefined)
    const candidates = {
      here,
      holders: this.#holders(),
      liars: this.#decoded.liarsOfLate(state),
      suspects,
      leftMin: Math.max(2 * federationLimits.clientsMin, participantsMin),
      rated: this.#decoded.last(state, roundsLimits.ratedRounds),
    }
    return invitedOf(candidates, this.#entropy)
  }

  /** Who has a copy of the ledger, by its configuration. */
  #holders(): ReadonlySet<string> {
    const config = this.#agent.ledger.status()?.config
    const all = config ? [config.voters, config.outgoing, config.learners].flat() : []
    return new Set(all.map(({ id }) => id))
  }
}

function netMade(learned: Extract<Made, { family: 'net' }>) {
  return { version: packed(learned.parameters), learned }
}

/** A bag more might not fit: another forest is begun, and this one stands until that is better. */
function isFull(learned: Made): boolean {
  const { inBag, depthMax, nodesMax } = treesLimits
  const bagMost = inBag * (2 ** (depthMax + 1) - 1)
  return learned.family === 'trees' && nodesIn(learned.trees) + bagMost > nodesMax
}

const fullWhy =
  'the forest has as many trees as it may, and hosts have yet to judge it before another is begun'

const noNoise =
  'rounds are with noise, and what is counted for trees has none: they would show what noise hides'

function clipAfter(usualLength: number): number {
  return Math.min(roundLimits.clipMax, Math.max(clipMin, clipOfUsual * usualLength))
}
