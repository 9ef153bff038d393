/**
 * The registry of models, for whoever leads: versions are added and moved from state to state here
 * and nowhere else, each time as one entry of the ledger, with its note in the audit log.
 */
import type { Agent } from '../../agent/agent.ts'
import { fitting } from '../../agent/work/texts.ts'
import { registryLimits } from '../../models/registry/limits.ts'
import {
  activating,
  adding,
  type Moves,
  type Reason,
  rollingBack,
  trying,
} from '../../models/registry/moving.ts'
import { type NewVersion, type RegistryView, registryIn } from '../../models/registry/versions.ts'
import { fitted } from '../audit/deed.ts'
import { learningLimits } from './limits.ts'
import { fulfilWish, type RollbackWish } from './wishes.ts'

export type Moved = { readonly ok: true } | { readonly ok: false; readonly why: string }

export class Registry {
  readonly #agent: Pick<Agent, 'ledger' | 'membership' | 'journal' | 'ports' | 'id'>

  constructor(agent: Pick<Agent, 'ledger' | 'membership' | 'journal' | 'ports' | 'id'>) {
    this.#agent = agent
  }

  /** As this agent knows it. */
  view(): RegistryView {
    return registryIn(this.#agent.ledger.state)
  }

  /** A version that hosts have voted for: they note from now on what it would have said. */
  add(version: NewVersion, why = 'hosts have voted for it'): Promise<Moved> {
    const reason = this.#reason(why)
    return this.#append(version.hash, 'shadow', why, adding(this.view(), version, reason))
  }

  /** `why` is for people. */
  move(hash: string, state: 'canary' | 'active' | 'rejected', why: string): Promise<Moved> {
    const reason = this.#reason(why)
    const view = this.view()
    const moves =
      state === 'active' ? activating(view, hash, reason) : trying(view, hash, state, reason)
    return this.#append(hash, state, why, moves)
  }

  /** The active one gives way to `to`, or to the one that it replaced. */
  rollBack(to: string | undefined, why: string): Promise<Moved> {
    const view = this.view()
    const moves = rollingBack(view, to, this.#reason(why))
    return this.#append(view.active?.hash ?? '', 'rolledBack', why, moves)
  }

  /** As a person wishes it; the wish goes, also where it cannot be granted any more. */
  async rollBackFor(
    { of, to, revision }: Pick<RollbackWish, 'of' | 'to' | 'revision'>,
    why: string,
  ): Promise<Moved> {
    const view = this.view()
    const gone = fulfilWish({ revision })
    const moves =
      (view.active?.hash ?? '') === of
        ? rollingBack(view, to, this.#reason(why))
        : ({ ok: false, why: 'another version is active by now' } as const)
    if (moves.ok) {
      const commands = [...moves.commands, gone]
      const [what, state] = of === '' ? [to ?? '', 'active'] : [of, 'rolledBack']
      return this.#append(what, state, why, { ok: true, commands })
    }
    await this.#agent.ledger.append(gone, { timeoutMs: learningLimits.appendMs })
    return moves
  }

  async #append(hash: string, state: string, why: string, moves: Moves): Promise<Moved> {
    if (!moves.ok) return moves
    const { ledger, membership, journal, id } = this.#agent
    const name = membership.nameOf(id)
    const kind = `model.${state}`
    const audit = fitted({
      actor: `agent ${name}`,
      verb: kind,
      object: hash.slice(0, 12),
      from: name,
      detail: why,
      outcome: 'ok',
    })
    const value = { commands: [...moves.commands], audit }
    const timeoutMs = learningLimits.appendMs
    const outcome = await ledger.append({ kind: 'batch', value }, { timeoutMs })
    if (outcome.kind !== 'applied') return { ok: false, why: `the ledger: ${outcome.why}` }
    const { code } = outcome.result
    if (code !== 'ok') return { ok: false, why: `the registry has changed meanwhile (${code})` }
    const text = `version ${hash.slice(0, 12)} of the duration model: ${told[state] ?? state}; ${why}`
    journal.record({ kind, node: id, name, text, fields: { version: hash } })
    return { ok: true }
  }

  #reason(why: string): Reason {
    const { whyBytesMax } = registryLimits
    return { why: fitting(why, whyBytesMax), atMs: this.#agent.ports.clock.wall() }
  }
}

const told: Readonly<Record<string, string>> = {
  shadow: 'hosts note what it would say',
  canary: 'some hosts speak by it',
  active: 'hosts speak by it',
  rejected: 'it is not taken',
  rolledBack: 'it was taken back',
}
