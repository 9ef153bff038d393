/**
 * A stop that stops nothing, once, when the agent has begun and has nothing to do. What is first done
 * in a real one is read, compiled and looked up then, on a host whose cores its stages take: the first
 * stop of an agent's life took it twice what the next ones did.
 *
 * Invariant: nothing of it can be seen. What is heard is of a mesh that exists nowhere else, by a core
 * of its own, and is written down and passed on nowhere; what is killed is nobody.
 */
import { EstopCore } from '../../protocol/estop/core.ts'
import { estopLimits } from '../../protocol/estop/limits.ts'
import { EstopFrame } from '../../protocol/estop/messages.ts'
import {
  handOf,
  type Raise,
  type Release,
  type StopSaying,
  type StopWord,
  sayWord,
} from '../../protocol/estop/word.ts'
import type { Credential } from '../../protocol/identity/credential.ts'
import { issuePerson, serialFrom } from '../../protocol/identity/issuing.ts'
import { certificateLimits, seedBytes } from '../../protocol/identity/limits.ts'
import { type MeshId, meshIdOf } from '../../protocol/identity/mesh-id.ts'
import { certifyIssuer } from '../../protocol/identity/new-mesh.ts'
import { type Signer, signerFromSeed } from '../../protocol/identity/peer-id.ts'
import type { Cells } from '../../protocol/ports/cells.ts'
import type { Clock, Timer } from '../../protocol/ports/clock.ts'
import type { Entropy } from '../../protocol/ports/entropy.ts'
import type { Log } from '../../protocol/ports/log.ts'
import { decode, encode } from '../../protocol/wire/codec.ts'
import type { ModuleSpec } from '../modules/module.ts'
import { estopDriverLimits } from './limits.ts'

export interface RehearsalParts {
  clock: Clock
  entropy: Entropy
  cells: Pick<Cells, 'still' | 'killAll'>
  log: Log
  /** Something runs here, or is stopped: there is nothing to rehearse then, and no time for it. */
  isBusy(): boolean
}

export function rehearsalModule(parts: RehearsalParts): ModuleSpec {
  const { clock, log, isBusy } = parts
  let timer: Timer | undefined
  const wait = (): void => {
    timer = clock.after(estopDriverLimits.rehearseAfterMs, () => {
      if (isBusy()) return wait()
      rehearse(parts).catch((error: unknown) => {
        // No stop depends on it.
        log.child('estop').error('not rehearsed', { why: String(error) })
      })
    })
  }
  return {
    name: 'estop-rehearsal',
    priority: 7,
    needs: ['work'],
    start: wait,
    stop: () => timer?.cancel(),
  }
}

/** Resolves with how many words were believed, and obeyed by nobody. */
export async function rehearse({ clock, entropy, cells }: RehearsalParts): Promise<number> {
  const person = new Somebody(entropy.stream('rehearsal'), clock.wall())
  let obeyed = 0
  for (let turn = 0; turn < estopDriverLimits.rehearsals; turn++) {
    obeyed += heardAndObeyed(person, clock.now(), clock.wall())
  }
  const goOn = cells.still()
  try {
    await cells.killAll(new Set())
  } finally {
    goOn()
  }
  return obeyed
}

/** A raise and its release, as a host hears, passes on and answers them. */
function heardAndObeyed(person: Somebody, nowMs: number, wallMs: number): number {
  const trust = { mesh: person.mesh, isRevoked: () => false }
  const core = new EstopCore(
    { self: person.root.id, trust, rules: { releasePeople: 1 } },
    [],
    nowMs,
  )
  const peers = [person.issuer.id, person.signer.id] as const
  for (const peer of peers) core.connected(peer, nowMs)
  let obeyed = 0
  const hear = (word: StopWord): void => {
    const sent = encode(EstopFrame, { kind: 'words', value: { words: [word] } })
    const frame = decode(EstopFrame, sent)
    if (!frame.ok) return
    // The second has it from another, and is answered.
    for (const peer of peers) core.hear(peer, frame.value, nowMs, wallMs)
    for (let ready = core.takeReady(); ready !== undefined; ready = core.takeReady()) {
      for (const { frame: said } of ready.say) encode(EstopFrame, said)
      for (const { id } of ready.obey) {
        obeyed++
        core.done(id, 0, nowMs)
      }
    }
  }
  hear(person.raise())
  const next = core.latch.nextRelease({ kind: 'mesh' })
  if (next !== undefined) hear(person.release(next))
  return obeyed
}

/** An operator of a mesh that nobody is in. */
class Somebody {
  readonly root: Signer
  readonly issuer: Signer
  readonly signer: Signer
  readonly mesh: MeshId
  readonly #credential: Credential
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
    const certificate = certifyIssuer(this.root, this.issuer.id, serial(), wallMs)
    const holder = {
      subject: this.signer.id,
      name: 'rehearsal',
      roles: ['admin' as const],
      labels: {},
    }
    this.#credential = issuePerson({ signer: this.issuer, certificate }, holder, serial(), wallMs)
  }

  raise(): StopWord {
    return this.#say({ act: 'raise', mode: 'kill', epoch: 1, ...this.#said() })
  }

  release(next: Pick<Release, 'epoch' | 'covers' | 'floor'>): StopWord {
    return this.#say({ act: 'release', ...this.#said(), ...next })
  }

  #said(): Pick<Raise, 'mesh' | 'scope' | 'reason' | 'nonce' | 'issuedMs'> {
    return {
      mesh: this.mesh,
      scope: { kind: 'mesh' },
      reason: 'a rehearsal',
      nonce: this.#entropy.bytes(estopLimits.nonceBytes),
      issuedMs: this.#wallMs,
    }
  }

  #say(saying: StopSaying): StopWord {
    const body = sayWord(saying)
    return { body, hands: [handOf(body, this.#credential, this.signer)] }
  }
}
