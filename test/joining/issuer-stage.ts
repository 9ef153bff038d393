/** A virtual mesh in which another issuing key takes the place of the one of now. */
import assert from 'node:assert/strict'
import { callOf, readReply } from '../../coordinator/api/calls.ts'
import { commandHeader } from '../../coordinator/api/door.ts'
import type { RouteResponse } from '../../coordinator/api/routes.ts'
import { sealedForReception } from '../../coordinator/joining/handing-over.ts'
import { isIssuerKept } from '../../coordinator/joining/issuing-key.ts'
import { IssuingSeed } from '../../coordinator/joining/wire.ts'
import { callDigest } from '../../protocol/identity/call-digest.ts'
import { grantIn, issueCertificate } from '../../protocol/identity/certificate.ts'
import { Credential } from '../../protocol/identity/credential.ts'
import { Envelope, sealEnvelope } from '../../protocol/identity/envelope.ts'
import { lifetimes, sealingLimits, seedBytes } from '../../protocol/identity/limits.ts'
import { certifyIssuer } from '../../protocol/identity/new-mesh.ts'
import { signerFromSeed } from '../../protocol/identity/peer-id.ts'
import { sealedTo } from '../../protocol/identity/sealing.ts'
import { decode, encode } from '../../protocol/wire/codec.ts'
import { type Member, Mesh, type MeshOptions } from '../history/stage.ts'
import { ada, commandOf, grantOf, mesh as meshId, root } from '../identity/parties.ts'

export type Keys = RouteResponse<'keys'>

let chances = 0

export class Rotation {
  readonly mesh: Mesh

  private constructor(mesh: Mesh) {
    this.mesh = mesh
  }

  static async of(seed: string, size = 3, options: MeshOptions = {}): Promise<Rotation> {
    const mesh = await Mesh.of(seed, size, { letsIn: true, ...options })
    const isKept = () => mesh.members.every(({ agent }) => isIssuerKept(agent.ledger.state))
    await mesh.until(isKept, 'the ledger has the issuing key')
    return new Rotation(mesh)
  }

  /** One that the root has made. */
  newIssuer(seedNumber: number, lastsMs: number = lifetimes.issuerMs): IssuingSeed {
    const seed = new Uint8Array(seedBytes).fill(seedNumber)
    const serial = seedNumber.toString(16).padStart(32, '0')
    const madeMs = this.nowMs + lastsMs - lifetimes.issuerMs
    return { seed, certificate: certifyIssuer(root, signerFromSeed(seed).id, serial, madeMs) }
  }

  get leader(): Member {
    const { leader } = this.mesh
    assert.ok(leader)
    return leader
  }

  get nowMs(): number {
    return this.leader.agent.ports.clock.wall()
  }

  /** As `skein keys rotate issuing` hands it to whoever leads. */
  async rotate(given: IssuingSeed, at = this.leader): Promise<Keys> {
    const parameters = { node: at.agent.id }
    const sealed = await this.sealed(given, at)
    const body = { sealed: Buffer.from(sealed).toString('base64url') }
    return this.mesh.call(at, 'rotateIssuer', { parameters, body })
  }

  async sealed(given: IssuingSeed, at: Member): Promise<Uint8Array> {
    const answer = await this.mesh.call(at, 'issuingReception', {
      parameters: { node: at.agent.id },
    })
    const credential = decode(Credential, bytesOf(answer.credential))
    assert.ok(credential.ok)
    chances++
    const chance = new Uint8Array(sealingLimits.chanceBytes).fill(chances)
    const [sealing, signature] = [bytesOf(answer.sealing), bytesOf(answer.signature)]
    // Ids of this world are made up, and so is what signs: only of real ones can it be looked at.
    const reception = { credential: credential.value, sealing, signature }
    const facts = { mesh: meshId, nowMs: this.nowMs, chance }
    assert.equal(sealedForReception(reception, given, facts), undefined)
    return sealedTo(sealing, encode(IssuingSeed, given), 'new issuing key', chance)
  }

  /** As `--finish` asks for it, signed by a master. */
  async retire(serial: string, { force = false, at = this.leader } = {}): Promise<Keys> {
    const asked = { parameters: { serial }, body: { reason: 'rotated', force } }
    const call = callOf('retireIssuer', asked)
    const times = { notBeforeMs: 0, notAfterMs: 9e12 }
    const leaf = issueCertificate(grantOf(ada, { roles: ['master'], ...times }), root)
    const { nowMs } = this
    const command = commandOf({
      verb: 'issuer.retire',
      object: serial,
      payload: callDigest(call),
      issuedMs: nowMs,
      expiresMs: nowMs + 30_000,
    })
    const envelope = encode(Envelope, sealEnvelope(command, { leaf }, ada))
    const header = Buffer.from(envelope).toString('base64url')
    const headers = { ...call.headers, [commandHeader]: header }
    const { signal } = new AbortController()
    return readReply(
      'retireIssuer',
      await this.mesh.answer(at.api.answer({ ...call, headers }, signal)),
    )
  }

  async keys(at = this.leader): Promise<Keys> {
    return this.mesh.call(at, 'keys')
  }

  /** Until all of them show certificates by that key, and each knows it of all. */
  async hangOn(serial: string, members: readonly Member[] = this.mesh.members): Promise<void> {
    const known = ({ agent }: Member) =>
      members.every((other) => {
        const issuer =
          other.agent === agent ? ownIssuer(other) : agent.peers.issuerOf(other.agent.id)?.serial
        return issuer === serial
      })
    await this.mesh.until(() => members.every(known), `all hang on ${serial}`, 60_000)
  }
}

function ownIssuer({ agent }: Member): string | undefined {
  const { issuer } = agent.peers.credential
  return issuer && grantIn(issuer)?.serial
}

export function serialOf({ certificate }: IssuingSeed): string {
  return grantIn(certificate)?.serial ?? ''
}

export const eventsOf = ({ agent }: Member, kind: string): string[] =>
  [...agent.journal.past(0, 1_000)].filter((event) => event.kind === kind).map(({ text }) => text)

function bytesOf(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'base64url'))
}
