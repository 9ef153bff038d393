/**
 * Who decides, and since which entry. A configuration takes effect where it stands in the log, as
 * soon as it is appended, on leader and follower alike; a truncated one gives way to the one before.
 *
 * Chosen over etcd's "when applied", because what a node does then depends on its log alone and
 * never on how far it has applied: there is no window in which a node that has committed, but not
 * applied, a change can stand under the old rule.
 */
import { assert } from '../assert.ts'
import type { PeerId } from '../identity/peer-id.ts'
import { decode, encode } from '../wire/codec.ts'
import { Config, type Entry, entryKind, type Member } from './messages.ts'
import { type Half, Quorum } from './quorum.ts'

/** A configuration made ready for use. */
export class ActiveConfig {
  readonly config: Config
  /** Where it stands in the log. */
  readonly index: number
  readonly quorum: Quorum
  readonly joint: boolean
  /** Everyone in it, with the disk that its answers must come from. */
  readonly storages: ReadonlyMap<PeerId, number>
  /** Everyone whose word counts in either half. */
  readonly voterIds: ReadonlySet<PeerId>

  constructor(config: Config, index: number) {
    this.config = config
    this.index = index
    this.joint = config.outgoing.length > 0
    const storages = new Map<PeerId, number>()
    // A later line wins: what a member is to be counts over what it was.
    for (const half of [config.outgoing, config.learners, config.voters])
      for (const { id, storage } of half) storages.set(id, storage)
    this.storages = storages
    const halfOf = (members: readonly Member[]): Half => ({
      size: members.length,
      ids: members.filter((m) => storages.get(m.id) === m.storage).map(({ id }) => id),
    })
    this.quorum = new Quorum(halfOf(config.voters), halfOf(config.outgoing))
    this.voterIds = new Set([...this.quorum.voters.ids, ...this.quorum.outgoing.ids])
  }

  isVoter(id: PeerId): boolean {
    return this.voterIds.has(id)
  }

  /** In the half that remains. A leader that is not will step down. */
  isStayingVoter(id: PeerId): boolean {
    return this.quorum.voters.ids.includes(id)
  }
}

export const noConfig: Config = { voters: [], outgoing: [], learners: [] }

/** Every configuration from the snapshot's on, oldest first. */
export class ConfigHistory {
  private held: ActiveConfig[]

  constructor(base: Config, index: number) {
    this.held = [new ActiveConfig(base, index)]
  }

  get latest(): ActiveConfig {
    return this.held[this.held.length - 1] as ActiveConfig
  }

  append(config: Config, index: number): void {
    assert(index > this.latest.index, 'configurations are appended in order', { index })
    this.held.push(new ActiveConfig(config, index))
  }

  /** Forgets what stood at `index` or after it. True when the latest has changed. */
  truncateFrom(index: number): boolean {
    const before = this.held.length
    while (this.held.length > 1 && this.latest.index >= index) this.held.pop()
    return this.held.length !== before
  }

  /** The one in force at `index`. */
  at(index: number): ActiveConfig {
    return this.held.findLast((active) => active.index <= index) ?? (this.held[0] as ActiveConfig)
  }

  /**
   * Whether a node has a part in elections: as a voter of the latest configuration, or of an earlier
   * one as long as the later are not committed. Without the second, a leader that had begun to remove
   * itself and lost its office could hold the only log that may be elected, and never stand (§4.2.2).
   */
  hasVoter(id: PeerId, storage: number, commit: number): boolean {
    const from = this.held.indexOf(this.at(commit))
    for (let i = this.held.length - 1; i >= from; i--) {
      const active = this.held[i] as ActiveConfig
      if (active.isVoter(id) && active.storages.get(id) === storage) return true
    }
    return false
  }

  /** Forgets what came before the one in force at `index`. */
  compactTo(index: number): void {
    const from = this.held.indexOf(this.at(index))
    this.held.splice(0, from)
  }

  restore(base: Config, index: number): void {
    this.held = [new ActiveConfig(base, index)]
  }
}

export function configEntry(config: Config, term: number): Entry {
  return { term, kind: entryKind.config, data: encode(Config, config) }
}

/** Undefined for bytes that are no configuration, or one that could decide nothing or doubly. */
export function configOf(data: Uint8Array): Config | undefined {
  const decoded = decode(Config, data)
  return decoded.ok && isSound(decoded.value) ? decoded.value : undefined
}

/** Each list names a member once; nobody is both a voter to be and a learner; somebody decides. */
export function isSound(config: Config): boolean {
  const target = [...config.voters, ...config.learners]
  return (
    config.voters.length > 0 &&
    new Set(target.map(({ id }) => id)).size === target.length &&
    new Set(config.outgoing.map(({ id }) => id)).size === config.outgoing.length
  )
}

/** What one asks for: who is to vote and who is to learn, when all is done. */
export interface Target {
  readonly voters: readonly Member[]
  readonly learners: readonly Member[]
}

/**
 * The next configuration on the way to the target: the target itself when at most one voter comes
 * or goes, for then old and new majorities overlap by themselves; else the joint one.
 */
export function nextConfig(current: Config, target: Target): Config {
  assert(current.outgoing.length === 0, 'one change must end before the next begins')
  const voters = [...target.voters]
  const learners = [...target.learners]
  const kept = voters.filter((v) => current.voters.some((c) => isSame(c, v))).length
  const moved = voters.length - kept + (current.voters.length - kept)
  return { voters, outgoing: moved <= 1 ? [] : current.voters, learners }
}

/** Out of the joint configuration, into the half that stays. */
export function leaveJoint(current: Config): Config {
  return { voters: current.voters, outgoing: [], learners: current.learners }
}

export function isSame(a: Member, b: Member): boolean {
  return a.id === b.id && a.storage === b.storage
}
