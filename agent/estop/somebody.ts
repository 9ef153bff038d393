/** A person of a mesh that nobody is in, for rehearsals: all that is signed is signed for that mesh. */
import { estopLimits } from '../../protocol/estop/limits.ts'
import {
  handOf,
  type Raise,
  type Release,
  type StopSaying,
  type StopWord,
  sayWord,
} from '../../protocol/estop/word.ts'
import type { Credential, Trust } from '../../protocol/identity/credential.ts'
import { issuePerson, serialFrom } from '../../protocol/identity/issuing.ts'
import { certificateLimits, seedBytes } from '../../protocol/identity/limits.ts'
import { type MeshId, meshIdOf } from '../../protocol/identity/mesh-id.ts'
import { certifyIssuer } from '../../protocol/identity/new-mesh.ts'
import { type Signer, signerFromSeed } from '../../protocol/identity/peer-id.ts'
import type { Entropy } from '../../protocol/ports/entropy.ts'

export class Somebody {
  readonly root: Signer
  readonly issuer: Signer
  readonly signer: Signer
  readonly mesh: MeshId
  readonly credential: Credential
  /** Of an agent that is of that mesh. */
  readonly trust: Trust
  readonly #entropy: Entropy
  readonly #wallMs: number

  constructor(entropy: Entropy, wallMs: number) {
    const signer = (): Signer => signerFromSeed(entropy.bytes(seedBytes))
    const serial = (): string => serialFrom(entropy.bytes(certificateLimits.serialLength / 2))
    this.#entropy = entropy
    this.#wallMs = wallMs
    this.root = signer()
    this.issuer = signer()
    this.signer = signer()
    this.mesh = meshIdOf(this.root.id)
    this.trust = { mesh: this.mesh, isRevoked: () => false }
    const certificate = certifyIssuer(this.root, this.issuer.id, serial(), wallMs)
    const holder = {
      subject: this.signer.id,
      name: 'rehearsal',
      roles: ['admin' as const],
      labels: {},
    }
    this.credential = issuePerson({ signer: this.issuer, certificate }, holder, serial(), wallMs)
  }

  raise(): StopWord {
    return this.#say({ act: 'raise', mode: 'kill', epoch: 1, ...this.#said() })
  }

  release(next: Pick<Release, 'epoch' | 'covers' | 'floor'>): StopWord {
    return this.#say({ act: 'release', ...this.#said(), ...next })
  }

  /** Never the same. */
  bytes(length: number): Uint8Array {
    return this.#entropy.bytes(length)
  }

  #said(): Pick<Raise, 'mesh' | 'scope' | 'reason' | 'nonce' | 'issuedMs'> {
    return {
      mesh: this.mesh,
      scope: { kind: 'mesh' },
      reason: 'a rehearsal',
      nonce: this.bytes(estopLimits.nonceBytes),
      issuedMs: this.#wallMs,
    }
  }

  #say(saying: StopSaying): StopWord {
    const body = sayWord(saying)
    return { body, hands: [handOf(body, this.credential, this.signer)] }
  }
}
