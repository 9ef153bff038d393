/**
 * The key that makes certificates, where it is needed: at whoever leads. It came to the first host
 * with `skein init`; the leader puts it into the ledger, sealed under the mesh key that voters have
 * (`coordinator/secrets/mesh-key.ts`), so that the mesh goes on letting hosts in when that host is
 * gone. On other disks it is only so, and open in memory only where it was used. Another is put in its
 * place by a person who has the root key; the one before makes nothing from then on.
 */
import type { Agent } from '../../agent/agent.ts'
import { type Grant, grantIn, isSignedBy } from '../../protocol/identity/certificate.ts'
import type { Issuer } from '../../protocol/identity/issuing.ts'
import { meshIdOf } from '../../protocol/identity/mesh-id.ts'
import { parsePeerId, signerFromSeed } from '../../protocol/identity/peer-id.ts'
import type { SimpleCommand } from '../../protocol/ledger/catalogue.ts'
import type { LedgerState } from '../../protocol/ledger/state.ts'
import { decode, encode } from '../../protocol/wire/codec.ts'
import type { MeshKey } from '../secrets/mesh-key.ts'
import { openedAtReception, type Reception, receptionOf } from './handing-over.ts'
import {
  isRetiring,
  issuerRow,
  type RenewableHost,
  recordIssuer,
  recordRetiring,
} from './issuers.ts'
import { letInLimits } from './limits.ts'
import { aboutIssuer, IssuingSeed } from './wire.ts'

/** What came of putting another issuing key in the place of the one of now. */
export type Rotated =
  | { kind: 'done' }
  /** It is the one of now. */
  | { kind: 'same' }
  /** The ledger has none in whose place it could be put. */
  | { kind: 'noneKept' }
  /** It is no issuing key of this mesh, or was one before. */
  | { kind: 'unfit' }
  /** The one of now cannot be opened here. */
  | { kind: 'sealed' }
  | { kind: 'conflict' }
  /** Nobody knows what came of it. */
  | { kind: 'unknown' }

export class IssuingKey {
  readonly #agent: Agent
  readonly #meshKey: MeshKey
  #own: IssuingSeed | undefined
  /** Of its certificate. */
  #ownSerial: string | undefined
  readonly #forget: () => Promise<void>
  /** What was opened last, and of which row. */
  #opened: { revision: number; issuer: Issuer } | undefined

  /**
   * `own`: the key that lies in this host's data directory, on hosts where one does; `forget`: takes it
   * away from there.
   */
  constructor(
    agent: Agent,
    meshKey: MeshKey,
    own: IssuingSeed | undefined,
    forget: () => Promise<void> = () => Promise.resolve(),
  ) {
    this.#agent = agent
    this.#meshKey = meshKey
    this.#own = own
    this.#ownSerial = own && grantIn(own.certificate)?.serial
    this.#forget = forget
  }

  /** One that lies here and is good, for a mesh that has not taken it yet. */
  get own(): IssuingSeed | undefined {
    return this.#own !== undefined && this.issuerIn(this.#own) ? this.#own : undefined
  }

  /** One lies here, good or not. */
  get hasCopy(): boolean {
    return this.#own !== undefined
  }

  /** What nobody believes any more need not lie on a disk. */
  async forgetIfRevoked(): Promise<void> {
    if (this.#ownSerial === undefined || !this.#agent.trust.isRevoked(this.#ownSerial)) return
    this.#own = undefined
    this.#ownSerial = undefined
    await this.#forget()
  }

  get isKept(): boolean {
    return isIssuerKept(this.#agent.ledger.state)
  }

  /** Undefined where this agent cannot come by one. */
  async get(): Promise<Issuer | undefined> {
    const row = issuerRow(this.#agent.ledger.state)
    if (row !== undefined) {
      const issuer = await this.#openedOf(row)
      if (issuer !== undefined && this.#isGood(issuer)) return issuer
    }
    return this.#own && this.issuerIn(this.#own)
  }

  /** As leader: from now on voters have it. False where that did not come about. */
  async keep(given: IssuingSeed): Promise<boolean> {
    if (this.isKept) return true
    const sealed = this.issuerIn(given) && (await this.#sealed(given))
    if (sealed === undefined) return false
    const written = await this.#write(sealed, recordIssuer(sealed, given.certificate, 0))
    return written.kind === 'done'
  }

  /**
   * As leader: puts this one in the place of the one of now, which makes nothing from then on. Both
   * are one entry of the ledger, that nobody else has changed the row in between.
   */
  async rotate(given: IssuingSeed, by: string): Promise<Rotated> {
    const { ledger, ports } = this.#agent
    const { state } = ledger
    const row = issuerRow(state)
    if (row === undefined) return { kind: 'noneKept' }
    const before = await this.#openedOf(row)
    const sealed = before && (await this.#sealed(given))
    if (before === undefined || sealed === undefined) return { kind: 'sealed' }
    if (before.signer.id === signerFromSeed(given.seed).id) return { kind: 'same' }
    if (this.issuerIn(given) === undefined || !mayGrantAll(given, before)) return { kind: 'unfit' }
    return this.#write(sealed, [
      ...recordIssuer(sealed, given.certificate, row.revision),
      recordRetiring(before.certificate, { by, atMs: ports.clock.wall(), hosts: this.#hosts() }),
    ])
  }

  /** All who are of the mesh now, as far as they were met with what they have shown. */
  #hosts(): RenewableHost[] {
    const { membership, peers, settings } = this.#agent
    return membership.members().flatMap(({ id, self, state }) => {
      if (state === 'left' || this.#agent.revokedPeer(id) !== undefined) return []
      const holder = self ? grantIn(peers.credential.leaf) : peers.holderOf(id)
      return [holder ?? { subject: settings.keyOf(id), roles: ['agent'] }]
    })
  }

  /** To what a new issuing key is to be sealed for this host. */
  get reception(): Reception {
    const { peers, settings } = this.#agent
    return receptionOf(peers.credential, settings.signer, this.#meshKey.own)
  }

  /** Undefined for what was not sealed for this host. */
  received(sealed: Uint8Array): IssuingSeed | undefined {
    return openedAtReception(this.#meshKey.own, sealed)
  }

  async #write(sealed: Uint8Array, commands: SimpleCommand[]): Promise<Rotated> {
    const fence = this.#meshKey.fence(sealed)
    if (fence === undefined) return { kind: 'conflict' }
    const batch = { kind: 'batch' as const, value: { commands: [...commands, fence] } }
    const timeoutMs = letInLimits.appendMs
    const outcome = await this.#agent.ledger.append(batch, { timeoutMs })
    if (outcome.kind !== 'applied') return { kind: 'unknown' }
    return { kind: outcome.result.code === 'ok' ? 'done' : 'conflict' }
  }

  #sealed(given: IssuingSeed): Promise<Uint8Array | undefined> {
    return this.#meshKey.seal(encode(IssuingSeed, given), aboutIssuer)
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
    const isOver =
      trust.isRevoked(grant.serial) || isRetiring(this.#agent.ledger.state, grant.serial)
    return isIssuer && grant.subject === signer.id && !isOver
  }

  async #openedOf(row: { value: Uint8Array; revision: number }): Promise<Issuer | undefined> {
    if (this.#opened?.revision === row.revision) return this.#opened.issuer
    const issuer = await this.#open(row.value)
    if (issuer !== undefined) this.#opened = { revision: row.revision, issuer }
    return issuer
  }

  async #open(sealed: Uint8Array): Promise<Issuer | undefined> {
    const bytes = await this.#meshKey.open(sealed, aboutIssuer)
    const seed = bytes && decode(IssuingSeed, bytes)
    if (!seed?.ok) return undefined
    return { signer: signerFromSeed(seed.value.seed), certificate: seed.value.certificate }
  }
}

export function isIssuerKept(state: LedgerState): boolean {
  return issuerRow(state) !== undefined
}

function isForNow({ notAfterMs }: Grant, nowMs: number): boolean {
  return nowMs < notAfterMs
}

/** Otherwise hosts and people could not be certified anew as what they are. */
function mayGrantAll(given: Pick<Issuer, 'certificate'>, before: Issuer): boolean {
  const roles = grantIn(given.certificate)?.roles ?? []
  return grantIn(before.certificate)?.roles.every((role) => roles.includes(role)) ?? false
}
