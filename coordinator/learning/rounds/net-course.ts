/**
 * A round of the common network: hosts train, what that changed is summed under masks by the rule of
 * the mesh, and a step is made of it, as far as steps may go.
 */
import type { Invitation } from '../../../agent/learning/round/wire.ts'
import { gridOf } from '../../../models/federation/masking/terms.ts'
import { usualCourse } from '../../../models/federation/rounds/course.ts'
import { Judging } from '../../../models/federation/rounds/judging.ts'
import type { Losses } from '../../../models/federation/rounds/votes.ts'
import { meanIn } from '../../../models/federation/rounds/weighing.ts'
import type { PeerId } from '../../../protocol/identity/peer-id.ts'
import { type Candidate, candidatesOf, chosenOf, type NetSummed } from './candidates.ts'
import type { Candidates, Chosen, Course, Groups } from './course.ts'
import type { CourseParts, Plan } from './drive.ts'
import { MaskedSum } from './masked-sum.ts'
import { roundIdOf } from './round-id.ts'
import { liarsBorne } from './settings.ts'

export class NetCourse implements Course {
  readonly trains = true
  readonly #plan: Plan
  readonly #base: Float32Array
  readonly #parts: CourseParts
  #summed: readonly NetSummed[] = []

  constructor(plan: Plan, base: Float32Array, parts: CourseParts) {
    this.#plan = plan
    this.#base = base
    this.#parts = parts
  }

  get invitation() {
    const { base, settings, rate, clip } = this.#plan
    const { steps, hold, noise } = settings
    const { batch } = usualCourse
    const value: Invitation = { base: base.hash, steps, batch, rate, hold, clip, noise }
    return { kind: 'invite', value } as const
  }

  async summed(groups: readonly (readonly PeerId[])[]): Promise<Groups> {
    this.#summed = await Promise.all(groups.map((group) => this.#sum(group)))
    return { groups, summed: this.#summed }
  }

  async #sum(participants: readonly PeerId[]): Promise<NetSummed> {
    const { settings, clip } = this.#plan
    const { roll } = this.#parts
    const { sketch } = usualCourse
    const liarsMax = liarsBorne(settings.liars, participants.length)
    const parameters = this.#base.length
    const terms = {
      round: roundIdOf(this.#plan, this.#parts),
      participants,
      parameters,
      clip,
      sketch,
    }
    const { bits } = gridOf(terms)
    const judging = new Judging({ rule: settings.rule, liarsMax, sketch }, bits)
    const { round } = terms
    const opened = await new MaskedSum(this.#parts, terms, {
      begin: { kind: 'begin', value: { round, participants: [...participants], sketch } },
      isOfAll: false,
      select: (candidates) => {
        const peers = judging.select(candidates)
        const { leftOut } = judging
        for (const { host, why } of leftOut) roll.leaveOut(host, 'notCounted', leftOutWhys[why])
        return { peers, leftOut: leftOut.length }
      },
    }).run()
    if (!opened.ok) return opened
    const { usualLength } = judging
    return { ok: true, update: meanIn(opened.sum, bits), usualLength, summed: opened.summed }
  }

  candidates(): Promise<Candidates> {
    const { clip, stride } = this.#plan
    return candidatesOf(this.#summed, { base: this.#base, clip, stride }, (parameters) =>
      this.#parts.offer({ family: 'net', parameters }),
    )
  }

  ballot([first, ...others]: readonly Candidate[]) {
    const halves = others.map(({ hash }) => hash)
    return { kind: 'vote', value: { candidate: first?.hash ?? '', halves } } as const
  }

  chosen(candidates: readonly Candidate[], before: Losses, liars: number): Chosen {
    return { candidate: chosenOf(candidates, before, liars) }
  }
}

const leftOutWhys = {
  notFinite: 'its update is of no numbers',
  tooLong: 'its update is much longer than those of others',
  farFromOthers: 'its update lies far from those of others',
} as const
