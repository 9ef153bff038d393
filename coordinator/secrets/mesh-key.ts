/**
 * The key under which all secrets of the mesh are sealed, and what else only voters are to open. It
 * stands in the ledger sealed to each voter, and nowhere else: voters open it when they need it, keep
 * it in memory as long as it is in use and they vote, and whoever leads gives it to those who come to
 * vote (`key-desk.ts`). While another takes its place, both are known.
 */
import type { Agent } from '../../agent/agent.ts'
import { sealingLimits } from '../../protocol/identity/limits.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import {
  isSealable,
  openedUnder,
  type SealingKey,
  sealedTo,
  sealedUnder,
  sealingKeyOf,
} from '../../protocol/identity/sealing.ts'
import type { SimpleCommand } from '../../protocol/ledger/catalogue.ts'
import type { LedgerState } from '../../protocol/ledger/state.ts'
import type { Entropy } from '../../protocol/ports/entropy.ts'
import { decode, encode } from '../../protocol/wire/codec.ts'
import {
  copyFor,
  fenceOf,
  type HeldMeshKey,
  holdersOf,
  isWrittenDown,
  keysInUse,
  meshKeyIn,
  moveFence,
  putCopy,
  putMeshKey,
  writeDown,
} from './key-rows.ts'
import { secretLimits } from './limits.ts'
import { type MeshKeyId, meshKeyIdOf, packSealing, sealingIn, unnamedKey } from './sealed.ts'
import { aboutMeshKey, Question, SERVICE, SecretAnswer, type SecretQuestion } from './wire.ts'

export class MeshKey {
  readonly #agent: Agent
  readonly #entropy: Entropy
  #own: SealingKey | undefined
  /** Those that were opened here, as long as they are in use. */
  readonly #keys = new Map<MeshKeyId, Uint8Array>()

  constructor(agent: Agent) {
    this.#agent = agent
    this.#entropy = agent.ports.entropy.stream('secrets')
  }

  /** Made when it is first asked for: most agents never need one. */
  get own(): SealingKey {
    this.#own ??= sealingKeyOf(this.#agent.settings.signer)
    return this.#own
  }

  isVoter(peer: PeerId): boolean {
    return this.voters().includes(peer)
  }

  /** Without those whose keys were taken back: they are told nothing any more. */
  voters(): PeerId[] {
    const { ledger } = this.#agent
    const voters = (ledger.config?.voters ?? []).map(({ id }) => id)
    return voters.filter((id) => this.#agent.revokedPeer(id) === undefined)
  }

  // ── Sealing and opening ───────────────────────────────────────────────────────────────────────

  /**
   * Under the key of now, which a leader makes where there is none yet. Undefined where this agent
   * cannot come by it.
   */
  async seal(
    value: Uint8Array,
    about: string,
    isResealed = false,
  ): Promise<Uint8Array | undefined> {
    if (this.#row === undefined) await this.#makeFirst()
    const id = this.#row?.id
    if (id === undefined || !(await this.has(id))) return undefined
    const key = this.#keys.get(id)
    if (key === undefined) return undefined
    const sealed = sealedUnder(key, value, about, this.chance(sealingLimits.nonceBytes))
    return packSealing({ key: id, sealed, isResealed })
  }

  /** To be appended in one entry with what holds it. Undefined where another key has come meanwhile. */
  fence(packed: Uint8Array): SimpleCommand | undefined {
    return fenceOf(this.#agent.ledger.state, packed)
  }

  /** Undefined for what this agent cannot open, and for what is something else. */
  async open(packed: Uint8Array, about: string): Promise<Uint8Array | undefined> {
    const { key: id, sealed } = sealingIn(packed)
    if (!(await this.has(id))) return undefined
    const key = this.#keys.get(id)
    return key && openedUnder(key, sealed, about)
  }

  /** Whether it is here, or can be come by: from the copy in the ledger; as leader, also from others. */
  async has(id: MeshKeyId): Promise<boolean> {
    this.forget()
    if (this.#keys.has(id)) return true
    if (!keysInUse(this.#state).includes(id) || !this.isVoter(this.#agent.id)) return false
    const copy = copyFor(this.#state, id, this.#agent.id)
    const key = copy && this.own.open(copy, aboutMeshKey(id))
    if (key !== undefined && isKey(id, key)) this.#keys.set(id, key)
    return this.#keys.has(id) || this.#askedOthers(id)
  }

  /** What is in use no more, or is none of this host's any more, is in its memory no more. */
  forget(): void {
    if (this.#keys.size === 0) return
    const kept = this.isVoter(this.#agent.id) ? keysInUse(this.#state) : []
    for (const [id, key] of this.#keys) {
      if (kept.includes(id)) continue
      key.fill(0)
      this.#keys.delete(id)
    }
  }

  // ── Giving it to others ───────────────────────────────────────────────────────────────────────

  /** Sealed to that public key; undefined for a key that is not here. */
  copyOf(id: MeshKeyId, publicKey: Uint8Array): Uint8Array | undefined {
    const key = this.#keys.get(id)
    return key && this.#sealedFor(publicKey, id, key)
  }

  /** What a voter that asks is told. */
  async answer(from: PeerId, id: MeshKeyId, publicKey: Uint8Array): Promise<SecretAnswer> {
    const refused = (why: string): SecretAnswer => ({ opened: [], why })
    if (!this.isVoter(from)) return refused('only voters have the key of secrets')
    if (!isWrittenDown(this.#state, id, from)) {
      // It may have been a moment ago, and not be here yet.
      const timeoutMs = secretLimits.seenMs
      await this.#agent.ledger.read({ kind: 'status' }, { consistency: 'linearizable', timeoutMs })
    }
    if (!isWrittenDown(this.#state, id, from)) {
      return refused('who is told the key of secrets is written down first')
    }
    const copy = (await this.has(id)) ? this.copyOf(id, publicKey) : undefined
    return copy === undefined
      ? refused('this agent has not the key of secrets')
      : { opened: [], bytes: copy }
  }

  /** To what a copy for that voter is sealed; undefined where it does not answer. */
  async publicKeyOf(peer: PeerId): Promise<Uint8Array | undefined> {
    if (peer === this.#agent.id) return this.own.publicKey
    const bytes = (await this.ask(peer, { kind: 'publicKey', value: {} }))?.bytes
    return bytes !== undefined && isSealable(bytes) ? bytes : undefined
  }

  /**
   * Of all voters that answer; undefined where they are no majority: with fewer, whoever leads next
   * might be left without a copy, and with nobody to ask for one.
   */
  async publicKeys(): Promise<ReadonlyMap<PeerId, Uint8Array> | undefined> {
    const all = this.#agent.ledger.config?.voters.length ?? 0
    const asked = this.voters().map(async (peer) => [peer, await this.publicKeyOf(peer)] as const)
    const known = new Map<PeerId, Uint8Array>()
    for (const [peer, publicKey] of await Promise.all(asked)) {
      if (publicKey !== undefined) known.set(peer, publicKey)
    }
    return all > 0 && known.size > all / 2 ? known : undefined
  }

  async ask(peer: PeerId, question: SecretQuestion): Promise<SecretAnswer | undefined> {
    const body = encode(Question, { question })
    const asked = await this.#agent.calls.ask(peer, SERVICE, body, secretLimits.askMs)
    const answer = asked.ok ? decode(SecretAnswer, asked.body) : undefined
    return answer?.ok ? answer.value : undefined
  }

  // ── Making one ────────────────────────────────────────────────────────────────────────────────

  /**
   * What makes another key the one of now, in one entry, with its copies; all that is written under
   * the one before from then on does not apply.
   */
  another(
    row: Omit<HeldMeshKey, 'id'>,
    publicKeys: ReadonlyMap<PeerId, Uint8Array>,
  ): { id: MeshKeyId; commands: SimpleCommand[] } {
    const key = this.chance(sealingLimits.keyBytes)
    const id = meshKeyIdOf(key)
    const copies = [...publicKeys].map(([peer, publicKey]) =>
      putCopy(id, peer, this.#sealedFor(publicKey, id, key)),
    )
    key.fill(0)
    return { id, commands: [putMeshKey({ ...row, id }), moveFence(id), ...copies] }
  }

  chance(bytes: number): Uint8Array {
    return this.#entropy.bytes(bytes)
  }

  async #makeFirst(): Promise<void> {
    const { ledger, ports, membership, id: self } = this.#agent
    const publicKeys = ledger.leads ? await this.publicKeys() : undefined
    if (publicKeys === undefined) return
    const by = `agent ${membership.nameOf(self)}`
    const row = { madeMs: ports.clock.wall(), by, why: 'the first one', revision: 0 }
    const { commands } = this.another(row, publicKeys)
    const batch = { kind: 'batch' as const, value: { commands } }
    // Whoever was quicker has made the one that counts.
    await ledger.append(batch, { timeoutMs: secretLimits.askMs })
  }

  /** Whoever has a copy is asked, by whoever leads and got none. */
  async #askedOthers(id: MeshKeyId): Promise<boolean> {
    const { ledger, id: self } = this.#agent
    if (!ledger.leads) return false
    if (!isWrittenDown(this.#state, id, self)) {
      const written = await ledger.append(writeDown(id, self), { timeoutMs: secretLimits.askMs })
      if (written.kind !== 'applied') return false
    }
    for (const peer of holdersOf(this.#state, id)) {
      if (peer === self || !this.isVoter(peer)) continue
      const value = { sealing: this.own.publicKey, ...(id === unnamedKey ? {} : { id }) }
      const answer = await this.ask(peer, { kind: 'meshKey', value })
      const key = answer?.bytes && this.own.open(answer.bytes, aboutMeshKey(id))
      if (key === undefined || !isKey(id, key)) continue
      if (keysInUse(this.#state).includes(id)) this.#keys.set(id, key)
      return this.#keys.has(id)
    }
    return false
  }

  #sealedFor(publicKey: Uint8Array, id: MeshKeyId, key: Uint8Array): Uint8Array {
    return sealedTo(publicKey, key, aboutMeshKey(id), this.chance(sealingLimits.chanceBytes))
  }

  get #row(): HeldMeshKey | undefined {
    return meshKeyIn(this.#state)
  }

  get #state(): LedgerState {
    return this.#agent.ledger.state
  }
}

/** What somebody gives out for a key is that one, as far as its id can tell. */
function isKey(id: MeshKeyId, key: Uint8Array): boolean {
  if (key.length !== sealingLimits.keyBytes) return false
  return id === unnamedKey || meshKeyIdOf(key) === id
}

/** Whether that voter can open the mesh key of now by itself. */
export function hasMeshKey(state: LedgerState, peer: PeerId): boolean {
  const row = meshKeyIn(state)
  return row !== undefined && copyFor(state, row.id, peer) !== undefined
}
