/**
 * The registry of models, for whoever leads: versions are added and moved from state to state here
 * and nowhere else, each time as one entry of the ledger, with its note in the audit log.
 */
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
import type { SimpleCommand } from '../../protocol/ledger/catalogue.ts'
import { fulfilWish, type RollbackWish } from './wishes.ts'
import { type Told, type Writer, written } from './written.ts'

/** `registry`: it is not to be, as the registry is now; `ledger`: it could not be written. */
export type Moved =
  | { readonly ok: true }
  | { readonly ok: false; readonly why: string; readonly by: 'registry' | 'ledger' }

/** With what a version is added, if with anything: both take effect, or neither does. */
export interface Beside {
  readonly commands: readonly SimpleCommand[]
  readonly told: Told
}

export class Registry {
  readonly #agent: Writer

  constructor(agent: Writer) {
    this.#agent = agent
  }

  /** As this agent knows it. */
  view(): RegistryView {
    return registryIn(this.#agent.ledger.state)
  }

  /**
   * A version that hosts have voted for: they note from now on what it would have said. `began`: the
   * registry as its training began.
   */
  add(
    version: NewVersion,
    why = 'hosts have voted for it',
    { began, beside }: { began?: RegistryView; beside?: Beside } = {},
  ): Promise<Moved> {
    const moves = adding(this.view(), version, this.#reason(why), began)
    return this.#append(version.hash, 'shadow', why, moves, beside)
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
    await written(this.#agent, [gone])
    return { ...moves, by: 'registry' }
  }

  async #append(
    hash: string,
    state: string,
    why: string,
    moves: Moves,
    beside?: Beside,
  ): Promise<Moved> {
    if (!moves.ok) return { ...moves, by: 'registry' }
    const object = hash.slice(0, 12)
    const moved: Told = {
      kind: `model.${state}`,
      object,
      detail: why,
      text: `version ${object} of the duration model: ${told[state] ?? state}; ${why}`,
      fields: { version: hash },
    }
    const commands = [...(beside?.commands ?? []), ...moves.commands]
    const all = beside === undefined ? [moved] : [beside.told, moved]
    const came = await written(this.#agent, commands, all)
    return came.ok ? came : { ...came, by: 'ledger' }
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
