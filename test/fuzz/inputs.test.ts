/** What the fuzzer sends is fixed by its seed, and is what its name says. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { envelopeSchema } from '../../agent/links/envelope.ts'
import { verify } from '../../protocol/identity/peer-id.ts'
import { sealWith } from '../../protocol/membership/digest.ts'
import { MembershipFrame } from '../../protocol/membership/messages.ts'
import { decode } from '../../protocol/wire/codec.ts'
import { cutShort, mutated } from '../../simulations/bench/fuzz-bytes.ts'
import { envelope, Forger } from '../../simulations/bench/fuzz-forgeries.ts'
import { fuzzKindNames } from '../../simulations/bench/fuzz-kinds.ts'
import { strikes } from '../../simulations/bench/fuzz-strikes.ts'
import { SeededEntropy } from '../../simulations/world/entropy.ts'

const FRAMES = 300
const Envelope = envelopeSchema(64 * 1_024)
const seal = sealWith({ sign: (bytes) => bytes, verify })

function inputs(seed: number): string[] {
  const entropy = new SeededEntropy(seed)
  const forger = new Forger(entropy)
  return Array.from({ length: FRAMES }, () =>
    Buffer.from(mutated(entropy, envelope(forger.anyFrame()))).toString('hex'),
  )
}

test('one seed makes one sequence of inputs, and another seed another', () => {
  assert.deepEqual(inputs(1), inputs(1))
  assert.notDeepEqual(inputs(1), inputs(2))
})

test('every kind of abuse has its strike', () => {
  assert.deepEqual(
    fuzzKindNames.filter((kind) => typeof strikes[kind] !== 'function'),
    [],
  )
})

test('frames are in good form before they are wounded, and most are not afterwards', () => {
  const entropy = new SeededEntropy(3)
  const forger = new Forger(entropy)
  let spoiled = 0
  for (let i = 0; i < FRAMES; i++) {
    const whole = envelope(forger.anyFrame())
    assert.ok(isFrame(whole))
    assert.ok(!isFrame(cutShort(entropy, whole)))
    if (!isFrame(mutated(entropy, whole))) spoiled++
  }
  assert.ok(spoiled > FRAMES / 2 && spoiled < FRAMES, `${spoiled} of ${FRAMES}`)
})

test('digests are genuine, forged or garbled as they are called', () => {
  const forger = new Forger(new SeededEntropy(4))
  for (let i = 0; i < 20; i++) {
    assert.equal(typeof seal.openDigest(forger.digest().signed), 'object')
    assert.equal(seal.openDigest(forger.forgedDigest().signed), 'forged')
  }
})

function isFrame(bytes: Uint8Array): boolean {
  const outer = decode(Envelope, bytes)
  return (
    outer.ok && outer.value.payload !== undefined && decode(MembershipFrame, outer.value.payload).ok
  )
}
