/**
 * The key under which all secrets of the mesh are sealed. It is made once, by a leader, and stands in
 * the ledger sealed to each voter, and nowhere else: voters open it when they need it, and give it to
 * those who come to vote.
 */
import type { Agent } from '../../agent/agent.ts'
import { sealingLimits } from '../../protocol/identity/limits.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import { type SealingKey, sealedTo, sealingKeyOf } from '../../protocol/identity/sealing.ts'
import type { SimpleCommand } from '../../protocol/ledger/catalogue.ts'
import { kvRows } from '../../protocol/ledger/kv-rows.ts'
import { read } from '../../protocol/ledger/read.ts'
import type { LedgerState } from '../../protocol/ledger/state.ts'
import { decode, encode } from '../../protocol/wire/codec.ts'
import { secretLimits } from './limits.ts'
import {
  aboutMeshKey,
  KEY_PREFIX,
  MADE_KEY,
  NAMESPACE,
  Question,
  SERVICE,
  SecretAnswer,
  type SecretQuestion,
} from './wire.ts'

export class MeshKey {
  readonly #agent: Agent
  #own: SealingKey | undefined
  #key: Uint8Array | undefined

  constructor(agent: Agent) {
    this.#agent = agent
  }

  /** Made when it is first asked for: most agents never need one. */
  get own(): SealingKey {
    this.#own ??= sealingKeyOf(this.#agent.settings.signer)
    return this.#own
  }

  get isMade(): boolean {
    return this.#row(MADE_KEY) !== undefined
  }

  isVoter(peer: PeerId): boolean {
    return this.#voters().includes(peer)
  }

  /** Undefined where this agent has none and nobody who has it answers. */
  async get(): Promise<Uint8Array | undefined> {
    const held = this.#row(KEY_PREFIX + this.#agent.id)
    if (held !== undefined) this.#key ??= this.own.open(held, aboutMeshKey)
    if (this.#key !== undefined || !this.isVoter(this.#agent.id)) return this.#key
    for (const peer of this.#holders()) {
      const question = { kind: 'meshKey' as const, value: { sealing: this.own.publicKey } }
      const answer = await this.ask(peer, question)
      const key = answer?.bytes && this.own.open(answer.bytes, aboutMeshKey)
      if (key?.length !== sealingLimits.keyBytes) continue
      this.#key = key
      return key
    }
    return undefined
  }

  /** As leader: makes it where there is none yet. */
  async getOrMake(): Promise<Uint8Array | undefined> {
    if (this.isMade) return this.get()
    const key = this.chance(sealingLimits.keyBytes)
    const put = (name: string, value: Uint8Array): SimpleCommand => ({
      kind: 'kvPut',
      value: { namespace: NAMESPACE, key: name, value, expect: 0 },
    })
    const commands = [
      put(MADE_KEY, new Uint8Array(0)),
      put(KEY_PREFIX + this.#agent.id, this.sealedFor(this.own.publicKey, key)),
    ]
    const batch = { kind: 'batch' as const, value: { commands } }
    const outcome = await this.#agent.ledger.append(batch, { timeoutMs: secretLimits.askMs })
    if (outcome.kind !== 'applied') return undefined
    if (outcome.result.code !== 'ok') return this.get()
    this.#key = key
    await this.spread()
    return key
  }

  /** As leader: every voter has it, and nobody's is left who votes no more. */
  async spread(): Promise<void> {
    const key = this.isMade ? await this.get() : undefined
    if (key === undefined) return
    const voters = this.#voters()
    const holders = this.#holders()
    for (const peer of voters.filter((voter) => !this.#hasRow(voter))) {
      const publicKey =
        peer === this.#agent.id
          ? this.own.publicKey
          : (await this.ask(peer, { kind: 'publicKey', value: {} }))?.bytes
      if (publicKey?.length !== sealingLimits.keyBytes) continue
      const value = this.sealedFor(publicKey, key)
      const row = { namespace: NAMESPACE, key: KEY_PREFIX + peer, value }
      await this.#agent.ledger.append(
        { kind: 'kvPut', value: row },
        { timeoutMs: secretLimits.askMs },
      )
    }
    if (voters.length === 0 || !voters.every((voter) => this.#hasRow(voter))) return
    for (const peer of holders.filter((holder) => !voters.includes(holder))) {
      const row = { namespace: NAMESPACE, key: KEY_PREFIX + peer }
      await this.#agent.ledger.append(
        { kind: 'kvDelete', value: row },
        { timeoutMs: secretLimits.askMs },
      )
    }
  }

  sealedFor(publicKey: Uint8Array, key: Uint8Array): Uint8Array {
    return sealedTo(publicKey, key, aboutMeshKey, this.chance(sealingLimits.chanceBytes))
  }

  chance(bytes: number): Uint8Array {
    return this.#agent.ports.entropy.stream('secrets').bytes(bytes)
  }

  async ask(peer: PeerId, question: SecretQuestion): Promise<SecretAnswer | undefined> {
    const body = encode(Question, { question })
    const asked = await this.#agent.calls.ask(peer, SERVICE, body, secretLimits.askMs)
    const answer = asked.ok ? decode(SecretAnswer, asked.body) : undefined
    return answer?.ok ? answer.value : undefined
  }

  #voters(): PeerId[] {
    return (this.#agent.ledger.status()?.config.voters ?? []).map(({ id }) => id)
  }

  #hasRow(peer: PeerId): boolean {
    return this.#row(KEY_PREFIX + peer) !== undefined
  }

  /** Others that have it, as far as the ledger here knows. */
  #holders(): PeerId[] {
    return [...kvRows(this.#agent.ledger.state, NAMESPACE, KEY_PREFIX)]
      .map(({ key }) => key.slice(KEY_PREFIX.length) as PeerId)
      .filter((peer) => peer !== this.#agent.id)
  }

  #row(key: string): Uint8Array | undefined {
    const { state } = this.#agent.ledger
    return read(state, { kind: 'kvGet', namespace: NAMESPACE, key }).value?.value
  }
}

/** Whether that voter can open the mesh key by itself. */
export function hasMeshKey(state: LedgerState, peer: PeerId): boolean {
  const asked = { kind: 'kvGet' as const, namespace: NAMESPACE, key: KEY_PREFIX + peer }
  return read(state, asked).value !== undefined
}
