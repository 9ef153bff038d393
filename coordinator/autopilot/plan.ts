/**
 * Who should vote: a pure function of who votes, who is there and who has the log. The leader asks
 * it every now and then and proposes what it answers; one change at a time.
 *
 * What it never does: make a majority of the next voters of hosts that are not there, take a voter
 * away for being silent without another in its place, or let anybody vote who lacks the log.
 */
import type { Target } from '../../protocol/consensus/config.ts'
import type { Config, Member } from '../../protocol/consensus/messages.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import type { MemberState } from '../../protocol/membership/roster.ts'
import type { AutopilotLimits } from './limits.ts'

/** A host as the leader sees it, itself included. */
export interface Candidate {
  id: PeerId
  state: MemberState
  /** For how long it has been in this state. */
  stateAgeMs: number
  /** The number of its disk; undefined while it has not been told, or its ledger has stopped. */
  storage: number | undefined
  /** For how long the leader has not heard of its ledger; 0 for one that it does not speak to. */
  silentMs: number
  /** An operator has said that it shall not vote. */
  barred: boolean
  /** Its key was taken back: nobody hears its votes any more. */
  revoked: boolean
  /** By its certificate; undefined while it has not shown one to the leader. */
  coordinator: boolean | undefined
  /** Entries that it has, as far as the leader knows. */
  match: number
}

export interface Step {
  target: Target
  why: string
}

export function nextStep(
  config: Config,
  candidates: readonly Candidate[],
  lastIndex: number,
  limits: AutopilotLimits,
): Step | undefined {
  if (config.outgoing.length > 0) return undefined
  const view = new View(config, candidates, lastIndex, limits)
  return (
    view.retireBarred() ??
    view.replaceGone() ??
    view.promote() ??
    view.dropLearner() ??
    view.addLearner()
  )
}

class View {
  private readonly config: Config
  private readonly limits: AutopilotLimits
  private readonly lastIndex: number
  private readonly byId: ReadonlyMap<PeerId, Candidate>
  /** May hold the log. */
  private readonly there: readonly Candidate[]
  private readonly eligible: readonly Candidate[]
  /** So many voters. */
  private readonly wanted: number

  constructor(
    config: Config,
    candidates: readonly Candidate[],
    lastIndex: number,
    limits: AutopilotLimits,
  ) {
    this.config = config
    this.limits = limits
    this.lastIndex = lastIndex
    this.byId = new Map(candidates.map((candidate) => [candidate.id, candidate]))
    this.there = candidates.filter(
      ({ state, storage, revoked }) => state === 'alive' && storage !== undefined && !revoked,
    )
    this.eligible = this.there.filter(({ barred }) => !barred)
    const hosts = this.eligible.filter(({ coordinator }) => coordinator === true).length
    this.wanted = limits.votersBySize.find((row) => hosts >= row.hosts)?.voters ?? 1
  }

  /** Barred voters without an heir go when all others are there, and as many as are wanted. */
  retireBarred(): Step | undefined {
    const { voters, learners } = this.config
    const others = voters.filter((voter) => !this.mayNotVote(voter))
    const isTime = others.length < voters.length && others.every((voter) => this.isPresent(voter))
    if (!isTime || others.length < this.wanted) return undefined
    // Those that have most of the log first: the leader is among them.
    others.sort((a, b) => this.matchOf(b) - this.matchOf(a))
    const why = `who shall not vote goes: ${this.eligible.length} hosts want ${this.wanted} voters`
    const next = [
      ...learners,
      ...others.slice(this.wanted),
      ...voters.filter((v) => this.retires(v)),
    ]
    return this.step(others.slice(0, this.wanted), next, why)
  }

  /** A voter that has gone for good, or whose disk was lost, gives its place to a ready learner. */
  replaceGone(): Step | undefined {
    const { voters: now } = this.config
    const gone =
      now.find((voter) => this.isRevoked(voter)) ??
      now.find((voter) => this.isGone(voter) || this.mayNotVote(voter))
    if (!gone) return undefined
    const [heir] = this.readyLearners()
    // Who left on purpose, or came back with another disk, is not waited for: a vote that nobody can
    // cast any more only makes majorities harder to find.
    const { state, revoked } = this.byId.get(gone.id) ?? {}
    if (!heir && !revoked && state !== 'left' && !(state === 'alive' && this.isGone(gone)))
      return undefined
    const voters = this.config.voters.filter((voter) => voter !== gone)
    if (heir) voters.push(heir)
    const learners = this.config.learners.filter((learner) => learner !== heir)
    if (this.retires(gone)) learners.push(gone)
    return this.step(
      voters,
      learners,
      `${this.whyGone(gone)}${heir ? `; ${heir.id} is ready` : ''}`,
    )
  }

  /** Only to an odd number: an even one survives no more failures than the odd one below. */
  promote(): Step | undefined {
    const { voters } = this.config
    const ready = this.readyLearners()
    const missing = this.wanted - voters.length
    const room = Math.min(missing, ready.length)
    const count = (voters.length + room) % 2 === 1 ? room : room - 1
    if (count <= 0) return undefined
    const heirs = ready.slice(0, count)
    const learners = this.config.learners.filter((learner) => !heirs.includes(learner))
    const why = `${this.eligible.length} hosts want ${this.wanted} voters`
    return this.step([...voters, ...heirs], learners, why)
  }

  dropLearner(): Step | undefined {
    const idle = this.config.learners.find((learner) => this.isGone(learner))
    if (!idle) return undefined
    const learners = this.config.learners.filter((learner) => learner !== idle)
    return this.step(this.config.voters, learners, `${idle.id} is a learner that is gone`)
  }

  /** All who are there, within bounds, so that any may be asked and there is always an heir. */
  addLearner(): Step | undefined {
    const { voters, learners } = this.config
    const silent = voters.filter((v) => !this.isPresent(v) || this.mayNotVote(v)).length
    const needed = this.wanted + silent - voters.length
    if (learners.length >= Math.max(needed, this.limits.learnersMax)) return undefined
    const heir = this.there
      .filter(({ id }) => !voters.some((v) => v.id === id && this.isPresent(v)))
      .filter(({ id, storage }) => !learners.some((l) => l.id === id && l.storage === storage))
      .filter(({ stateAgeMs }) => stateAgeMs >= this.limits.steadyMs)
      // Heirs first: the others only hold the log.
      .sort(
        (a, b) =>
          Number(mayInherit(b)) - Number(mayInherit(a)) ||
          b.stateAgeMs - a.stateAgeMs ||
          (a.id < b.id ? -1 : 1),
      )[0]
    if (heir?.storage === undefined) return undefined
    const others = learners.filter(({ id }) => id !== heir.id)
    const next = [...others, { id: heir.id, storage: heir.storage }]
    return this.step(voters, next, `${heir.id} is to hold the log`)
  }

  private readyLearners(): Member[] {
    return this.config.learners.filter((learner) => {
      const candidate = this.byId.get(learner.id)
      if (!candidate || !this.isPresent(learner) || candidate.barred) return false
      // Its word would count for nothing with the others.
      if (candidate.coordinator !== true) return false
      return this.lastIndex - candidate.match <= this.limits.lagEntriesMax
    })
  }

  /** There, with the disk that it was admitted with. */
  private isPresent({ id, storage }: Member): boolean {
    const candidate = this.byId.get(id)
    if (candidate?.state !== 'alive' || candidate.storage !== storage) return false
    if (candidate.revoked) return false
    return candidate.silentMs < this.limits.goneMs
  }

  private isGone(member: Member): boolean {
    const candidate = this.byId.get(member.id)
    if (!candidate || candidate.state === 'left' || candidate.revoked) return true
    if (candidate.state === 'dead') return candidate.stateAgeMs >= this.limits.goneMs
    if (candidate.silentMs >= this.limits.goneMs) return true
    return candidate.storage !== undefined && candidate.storage !== member.storage
  }

  private isRevoked({ id }: Member): boolean {
    return this.byId.get(id)?.revoked ?? false
  }

  private matchOf({ id }: Member): number {
    return this.byId.get(id)?.match ?? 0
  }

  private isBarred({ id }: Member): boolean {
    return this.byId.get(id)?.barred ?? false
  }

  /** Barred, or known to be no coordinator. Of whom nothing is known, nothing is held against. */
  private mayNotVote(member: Member): boolean {
    return (
      this.isBarred(member) ||
      this.isRevoked(member) ||
      this.byId.get(member.id)?.coordinator === false
    )
  }

  /** Gives up its vote and holds the log on: its host is there, and is asked like any other. */
  private retires(voter: Member): boolean {
    return this.mayNotVote(voter) && this.isPresent(voter)
  }

  private whyGone(member: Member): string {
    const candidate = this.byId.get(member.id)
    if (!candidate) return `${member.id} is not known any more`
    if (candidate.revoked) return `${member.id} was revoked`
    if (candidate.barred) return `${member.id} shall not vote`
    if (candidate.coordinator === false) return `${member.id} is no coordinator`
    if (candidate.state === 'left') return `${member.id} has left`
    if (candidate.state === 'dead') return `${member.id} has been dead for long`
    if (candidate.silentMs >= this.limits.goneMs)
      return `the ledger of ${member.id} has been silent for long`
    return `${member.id} has another disk now`
  }

  /** Refused when those who are there would not be a majority of the next voters. */
  private step(
    voters: readonly Member[],
    learners: readonly Member[],
    why: string,
  ): Step | undefined {
    const present = voters.filter((voter) => this.isPresent(voter)).length
    if (present * 2 <= voters.length) return undefined
    return { target: { voters, learners }, why }
  }
}

function mayInherit({ coordinator, barred }: Candidate): boolean {
  return coordinator === true && !barred
}
