/**
 * Secrets of the mesh: set by a person at any agent, sealed by a coordinator, kept sealed in the
 * ledger, and opened only for the agent that runs a stage which names them.
 */
import type { Agent } from '../../agent/agent.ts'
import type { ModuleSpec } from '../../agent/modules/module.ts'
import { BadQuestion } from '../../agent/requests/calls.ts'
import type { OpenedSecrets, SecretSource } from '../../agent/work/secrets/source.ts'
import { sealingLimits } from '../../protocol/identity/limits.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import { isSealable, sealedTo } from '../../protocol/identity/sealing.ts'
import type { SimpleCommand } from '../../protocol/ledger/catalogue.ts'
import { kvRow, kvRows } from '../../protocol/ledger/kv-rows.ts'
import type { Candidacy } from '../../protocol/ledger/ledger.ts'
import { read } from '../../protocol/ledger/read.ts'
import { isAtWork } from '../../protocol/ledger/read-run.ts'
import { decode, encode } from '../../protocol/wire/codec.ts'
import type { AttemptId } from '../../protocol/work/fence.ts'
import type { WorkflowLibrary } from '../runs/library.ts'
import { MeshKeyDesk } from './key-desk.ts'
import { KeyNews } from './key-news.ts'
import { secretLimits } from './limits.ts'
import { MeshKey } from './mesh-key.ts'
import { type MeshKeyId, sealingIn, unnamedKey } from './sealed.ts'
import {
  aboutOpened,
  aboutValue,
  NAMESPACE,
  Question,
  SERVICE,
  SecretAnswer,
  type SecretQuestion,
  SecretRow,
  VALUE_PREFIX,
} from './wire.ts'

export interface SecretItem {
  name: string
  by: string
  atMs: number
  /** It stood under another key before: whoever had that one may have read it. */
  isResealed: boolean
}

type OpenQuestion = Extract<SecretQuestion, { kind: 'open' }>['value']

/** Values of one answer: with the largest of them it can be carried. */
const NAMES_PER_QUESTION = 16

export class SecretKeeper implements SecretSource {
  readonly #agent: Agent
  readonly #library: WorkflowLibrary
  /** Also for what else only voters are to open. */
  readonly meshKey: MeshKey

  constructor(agent: Agent, library: WorkflowLibrary) {
    this.#agent = agent
    this.#library = library
    this.meshKey = new MeshKey(agent)
  }

  module(): ModuleSpec {
    const desk = new MeshKeyDesk(this.#agent, this.meshKey)
    let candidacy: Candidacy | undefined
    const news = new KeyNews(this.#agent)
    let looking: { cancel(): void } | undefined
    return {
      name: 'secrets',
      priority: 6,
      needs: ['ledger'],
      start: () => {
        this.#agent.calls.serve(SERVICE, (from, body) => this.#answer(from, body))
        this.#agent.secretSource = this
        candidacy = this.#agent.ledger.lead((turn) => desk.lead(turn))
        const { clock } = this.#agent.ports
        looking = clock.every(secretLimits.lookMs, () => {
          this.meshKey.forget()
          news.look()
        })
      },
      stop: () => {
        candidacy?.withdraw()
        looking?.cancel()
        this.#agent.secretSource = undefined
      },
    }
  }

  list(): SecretItem[] {
    const { state } = this.#agent.ledger
    const items: SecretItem[] = []
    for (const { key, value } of kvRows(state, NAMESPACE, VALUE_PREFIX)) {
      const row = decode(SecretRow, value)
      if (!row.ok) continue
      const { by, atMs, sealed } = row.value
      const { isResealed } = sealingIn(sealed)
      items.push({ name: key.slice(VALUE_PREFIX.length), by, atMs, isResealed })
    }
    return items
  }

  /** What the ledger is to keep of it; undefined where no coordinator that has the key answers. */
  async sealed(name: string, value: Uint8Array): Promise<Uint8Array | undefined> {
    const { leader, id } = this.#agent.ledger
    if (leader === undefined) return undefined
    if (leader === id) return this.#sealed(name, value)
    return (await this.meshKey.ask(leader, { kind: 'seal', value: { name, value } }))?.bytes
  }

  /** To be appended with it. Undefined where the key has been replaced meanwhile, or this agent lags. */
  fence(sealed: Uint8Array): SimpleCommand | undefined {
    return this.meshKey.fence(sealed)
  }

  async open(
    names: readonly string[],
    attempt: AttemptId,
    signal: AbortSignal,
  ): Promise<OpenedSecrets> {
    const values = new Map<string, Uint8Array>()
    for (let at = 0; at < names.length; at += NAMES_PER_QUESTION) {
      const some = names.slice(at, at + NAMES_PER_QUESTION)
      const opened = await this.#openSome(some, attempt, signal)
      if (!opened.ok) return opened
      for (const [name, value] of opened.values) values.set(name, value)
    }
    return { ok: true, values }
  }

  async #openSome(
    names: readonly string[],
    id: AttemptId,
    signal: AbortSignal,
  ): Promise<OpenedSecrets> {
    const sealing = this.meshKey.own
    const question = { id, names: [...names], sealing: sealing.publicKey }
    let why = 'no coordinator answers'
    for (let round = 0; round < secretLimits.roundsMax && !signal.aborted; round++) {
      if (round > 0) await this.#pause(secretLimits.roundMs)
      for (const peer of this.#coordinators()) {
        const answer =
          peer === this.#agent.id
            ? await this.#opened(this.#agent.id, question)
            : await this.meshKey.ask(peer, { kind: 'open', value: question })
        if (answer === undefined) continue
        if (answer.why !== undefined) {
          why = answer.why
          if (answer.final === undefined) continue
          return { ok: false, errorClass: 'input', why }
        }
        const values = new Map<string, Uint8Array>()
        for (const [i, name] of names.entries()) {
          const sealed = answer.opened[i]
          const value = sealed && sealing.open(sealed, aboutOpened(name))
          if (value !== undefined) values.set(name, value)
        }
        if (values.size < names.length) continue
        return { ok: true, values }
      }
    }
    return { ok: false, errorClass: 'transient', why: `its secrets cannot be opened: ${why}` }
  }

  /** Who may have the key: whoever leads first, who also knows best what is assigned. */
  #coordinators(): PeerId[] {
    const { leader } = this.#agent.ledger
    const voters = (this.#agent.ledger.config?.voters ?? []).map(({ id }) => id)
    return [...new Set([...(leader === undefined ? [] : [leader]), ...voters])]
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => this.#agent.ports.clock.after(ms, resolve))
  }

  async #answer(from: PeerId, body: Uint8Array): Promise<Uint8Array> {
    const read = decode(Question, body)
    if (!read.ok) throw new BadQuestion(`no question about secrets: ${read.why}`)
    return encode(SecretAnswer, await this.#answerTo(from, read.value.question))
  }

  async #answerTo(from: PeerId, question: SecretQuestion): Promise<SecretAnswer> {
    switch (question.kind) {
      case 'publicKey':
        return { opened: [], bytes: this.meshKey.own.publicKey }
      case 'meshKey': {
        const { sealing, id = unnamedKey } = question.value
        if (!isSealable(sealing)) return refused('that is no key to which it could be sealed')
        return this.meshKey.answer(from, id as MeshKeyId, sealing)
      }
      case 'seal': {
        const { name, value } = question.value
        const bytes = await this.#sealed(name, value)
        return bytes ? { opened: [], bytes } : refused('this agent has not the key of secrets')
      }
      case 'open':
        return this.#opened(from, question.value)
    }
  }

  #sealed(name: string, value: Uint8Array): Promise<Uint8Array | undefined> {
    return this.meshKey.seal(value, aboutValue(name))
  }

  /** Only for what its own workflow names, and only while it is assigned to whoever asks. */
  async #opened(from: PeerId, question: OpenQuestion): Promise<SecretAnswer> {
    const why = this.#refusal(from, question)
    if (why !== undefined) return refused(why)
    const { state } = this.#agent.ledger
    const opened: Uint8Array[] = []
    if (!isSealable(question.sealing)) return refused('that is no key to which it could be sealed')
    for (const name of question.names) {
      const held = kvRow(state, NAMESPACE, VALUE_PREFIX + name)
      if (held === undefined) {
        return { ...refused(`there is no secret ${name}; skein secret set ${name}`), final: 1 }
      }
      const row = decode(SecretRow, held.value)
      const value = row.ok && (await this.meshKey.open(row.value.sealed, aboutValue(name)))
      if (!value) return refused('this agent cannot open it')
      const chance = this.meshKey.chance(sealingLimits.chanceBytes)
      opened.push(sealedTo(question.sealing, value, aboutOpened(name), chance))
    }
    return { opened }
  }

  #refusal(from: PeerId, { id, names }: OpenQuestion): string | undefined {
    const { run, stage, item, attempt } = id
    const { state } = this.#agent.ledger
    const unitAsked = { kind: 'unitGet' as const, run, stage }
    const unit = read(state, item === undefined ? unitAsked : { ...unitAsked, item }).value
    if (unit === undefined || !isAtWork(unit, from, attempt)) {
      return 'the attempt is not assigned to the agent that asks'
    }
    const hash = read(state, { kind: 'runGet', run, limit: 1 }).value?.spec.workflow
    const found = hash === undefined ? undefined : this.#library.find(state, hash)
    if (!found?.ok) return 'its workflow cannot be read'
    const { workflow } = found
    const named = workflow.stages.find(({ name }) => name === stage)?.secrets ?? {}
    const all = new Set(
      [...Object.values(workflow.secrets), ...Object.values(named)].map((use) => use.name),
    )
    return names.every((name) => all.has(name)) ? undefined : 'its workflow names no such secret'
  }
}

function refused(why: string): SecretAnswer {
  return { opened: [], why }
}
