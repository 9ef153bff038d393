/**
 * The key that makes certificates, where it is needed: at whoever leads. It came to the first host
 * with `skein init`; the leader puts it into the ledger, sealed under the mesh key that voters have
 * (`coordinator/secrets/mesh-key.ts`), so that the mesh goes on letting hosts in when that host is
 * gone. On other disks it is only so, and open in memory only where it was used.
 */
import type { Agent } from '../../agent/agent.ts'
import { type Grant, grantIn, isSignedBy } from '../../protocol/identity/certificate.ts'
import type { Issuer } from '../../protocol/identity/issuing.ts'
import { sealingLimits } from '../../protocol/identity/limits.ts'
import { meshIdOf } from '../../protocol/identity/mesh-id.ts'
import { parsePeerId, signerFromSeed } from '../../protocol/identity/peer-id.ts'
import { openedUnder, sealedUnder } from '../../protocol/identity/sealing.ts'
import { read } from '../../protocol/ledger/read.ts'
import type { LedgerState } from '../../protocol/ledger/state.ts'
import type { Entropy } from '../../protocol/ports/entropy.ts'
import { decode, encode } from '../../protocol/wire/codec.ts'
import type { MeshKey } from '../secrets/mesh-key.ts'
import { letInLimits } from './limits.ts'
import { aboutIssuer, ISSUER_KEY, ISSUING, IssuingSeed } from './wire.ts'

export class IssuingKey {
  readonly #agent: Agent
  readonly #meshKey: MeshKey
  readonly #own: IssuingSeed | undefined
  readonly #entropy: Entropy
  /** What was opened last, and of which row. */
  #opened: { revision: number; issuer: Issuer } | undefined

  /** `own`: the key that lies in this host's data directory, on hosts where one does. */
  constructor(agent: Agent, meshKey: MeshKey, own: IssuingSeed | undefined) {
    this.#agent = agent
    this.#meshKey = meshKey
    this.#own = own
    this.#entropy = agent.ports.entropy.stream('issuing')
  }

  /** One that lies here and is good, for a mesh that has not taken it yet. */
  get own(): IssuingSeed | undefined {
    return this.#own !== undefined && this.issuerIn(this.#own) ? this.#own : undefined
  }

  get isKept(): boolean {
    return isIssuerKept(this.#agent.ledger.state)
  }

  /** Undefined where this agent cannot come by one. */
  async get(): Promise<Issuer | undefined> {
    const row = issuerRow(this.#agent.ledger.state)
    if (row !== undefined) {
      const opened = this.#opened?.revision === row.revision ? this.#opened.issuer : undefined
      const issuer = opened ?? (await this.#open(row.value))
      if (issuer !== undefined) this.#opened = { revision: row.revision, issuer }
      if (issuer !== undefined && this.#isGood(issuer)) return issuer
    }
    return this.#own && this.issuerIn(this.#own)
  }

  /** As leader: from now on voters have it. False where that did not come about. */
  async keep(given: IssuingSeed): Promise<boolean> {
    if (this.isKept) return true
    const key = this.issuerIn(given) && (await this.#meshKey.getOrMake())
    if (key === undefined) return false
    const nonce = this.#entropy.bytes(sealingLimits.nonceBytes)
    const value = sealedUnder(key, encode(IssuingSeed, given), aboutIssuer, nonce)
    const row = { namespace: ISSUING, key: ISSUER_KEY, value, expect: 0 }
    const timeoutMs = letInLimits.appendMs
    const outcome = await this.#agent.ledger.append({ kind: 'kvPut', value: row }, { timeoutMs })
    return outcome.kind === 'applied' && outcome.result.code === 'ok'
  }

  /** Undefined for what is no issuing key of this mesh, or none any more. */
  issuerIn({ seed, certificate }: IssuingSeed): Issuer | undefined {
    const issuer = { signer: signerFromSeed(seed), certificate }
    return this.#isGood(issuer) ? issuer : undefined
  }

  #isGood({ signer, certificate }: Issuer): boolean {
    const { trust } = this.#agent
    const grant = grantIn(certificate)
    const root = parsePeerId(certificate.issuer)
    if (grant === undefined || root === undefined || meshIdOf(root) !== trust.mesh) return false
    if (!isSignedBy(certificate, root) || !isForNow(grant, this.#agent.ports.clock.wall())) {
      return false
    }
    const isIssuer = grant.kind === 'issuer' && grant.mesh === trust.mesh
    return isIssuer && grant.subject === signer.id && !trust.isRevoked(grant.serial)
  }

  async #open(sealed: Uint8Array): Promise<Issuer | undefined> {
    const key = await this.#meshKey.get()
    const bytes = key && openedUnder(key, sealed, aboutIssuer)
    const seed = bytes && decode(IssuingSeed, bytes)
    if (!seed?.ok) return undefined
    return { signer: signerFromSeed(seed.value.seed), certificate: seed.value.certificate }
  }
}

export function isIssuerKept(state: LedgerState): boolean {
  return issuerRow(state) !== undefined
}

function issuerRow(state: LedgerState): { value: Uint8Array; revision: number } | undefined {
  return read(state, { kind: 'kvGet', namespace: ISSUING, key: ISSUER_KEY }).value
}

function isForNow({ notAfterMs }: Grant, nowMs: number): boolean {
  return nowMs < notAfterMs
}
