/** Words of stops, said by whoever a test needs. */

import type { Judged, JudgedWord } from '../../protocol/estop/judge.ts'
import { judgeWord } from '../../protocol/estop/judge.ts'
import type { Latch } from '../../protocol/estop/latch.ts'
import type { StopScope } from '../../protocol/estop/scope.ts'
import {
  handOf,
  type Raise,
  type Release,
  type StopSaying,
  type StopWord,
  sayWord,
} from '../../protocol/estop/word.ts'
import type { Grant } from '../../protocol/identity/certificate.ts'
import type { Credential } from '../../protocol/identity/credential.ts'
import type { Signer } from '../../protocol/identity/peer-id.ts'
import { ada, credentialOf, keyNumber, mesh, nowMs, trust } from '../identity/parties.ts'

export const wholeMesh: StopScope = { kind: 'mesh' }
export const bob = keyNumber(4)
export const one = { releasePeople: 1 }
export const two = { releasePeople: 2 }

let nonces = 0

export function nonce(): Uint8Array {
  const made = new Uint8Array(16)
  new DataView(made.buffer).setUint32(0, ++nonces)
  return made
}

export function raiseOf(change: Partial<Raise> = {}): Raise {
  return {
    act: 'raise',
    mode: 'kill',
    mesh,
    scope: wholeMesh,
    epoch: 1,
    reason: 'smoke in the hall',
    nonce: nonce(),
    issuedMs: nowMs,
    ...change,
  }
}

export function releaseOf(change: Partial<Release> = {}): Release {
  const { mode: _, ...said } = raiseOf()
  return { ...said, act: 'release', epoch: 2, covers: [], floor: 0, ...change }
}

export interface Hands {
  signer: Signer
  credential: Credential
}

export function handsOf(signer: Signer, holder: Partial<Grant>): Hands {
  return { signer, credential: credentialOf(signer, holder) }
}

export const operator = handsOf(ada, { name: 'ada', roles: ['operator'] })
export const admin = handsOf(bob, { name: 'bob', roles: ['admin'] })
export const otherAdmin = handsOf(keyNumber(5), { name: 'eve', roles: ['admin'] })

export function signed(saying: StopSaying, ...hands: Hands[]): StopWord {
  const body = sayWord(saying)
  return { body, hands: hands.map((by) => handOf(body, by.credential, by.signer)) }
}

export function judged(word: StopWord, rules = one): JudgedWord {
  const found: Judged = judgeWord(word, trust, nowMs, rules)
  if (!found.ok) throw new Error(`not believed: ${found.why}`)
  return found.judged
}

export function release(latch: Latch, scope = wholeMesh): StopWord {
  const next = latch.nextRelease(scope)
  if (next === undefined) throw new Error('nothing to release')
  return signed(releaseOf({ scope, ...next }), admin)
}
