import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import fc from 'fast-check'
import { decode, decodeWhole, encode } from '../../protocol/wire/codec.ts'
import { usesBeforeCompiling } from '../../protocol/wire/compile.ts'
import { anyFrame, type Frame, newFrame } from './samples.ts'

const Compiled = newFrame()

before(() => {
  const [frame] = fc.sample(
    anyFrame.filter(({ kind, value }) => kind === 'ping' && 'load' in value),
    { numRuns: 1, seed: 1 },
  ) as [Frame]
  const load: Frame = { kind: 'load', value: { cpu: 0.5, cores: 4 } }
  for (let i = 0; i <= usesBeforeCompiling; i++)
    for (const each of [frame, load]) decode(Compiled, encode(Compiled, each))
})

test('what is compiled writes what is not', () => {
  fc.assert(
    fc.property(anyFrame, (frame) => {
      assert.deepEqual(encode(Compiled, frame), encode(newFrame(), frame))
    }),
    { numRuns: 500 },
  )
})

test('what is compiled refuses to write what is not refuses, in the same words', () => {
  const long = 'x'.repeat(5_000)
  const change = fc.constantFrom<[string, unknown]>(
    ['seq', -1],
    ['seq', undefined],
    ['delta', 0.5],
    ['ratio', Number.NaN],
    ['target', long],
    ['note', long],
    ['tags', Array(33).fill('y')],
    ['tags', [long]],
    ['blob', new Uint8Array(4_097)],
    ['blob', undefined],
    ['load', { cpu: 0.5, cores: -1 }],
    ['loads', [{ cpu: Number.POSITIVE_INFINITY, cores: 1 }]],
    ['labels', { key: long }],
    ['counts', Array(301).fill(1)],
    ['counts', [-1]],
    ['byName', { one: { cpu: 1 } }],
  )
  let refused = 0
  fc.assert(
    fc.property(anyFrame, change, (frame, [name, value]) => {
      const broken = { ...frame, value: { ...frame.value, [name]: value } } as Frame
      const [ours, theirs] = [Compiled, newFrame()].map((schema) => {
        try {
          return Buffer.from(encode(schema, broken)).toString('hex')
        } catch (error) {
          return String(error)
        }
      })
      assert.equal(ours, theirs)
      if (/Error|Assertion|must/.test(String(ours))) refused++
    }),
    { numRuns: 1_000 },
  )
  assert.ok(refused > 50, `${refused} refused`)
})

test('what is compiled takes and refuses the bytes of strangers for the same reasons', () => {
  const wound = fc.tuple(fc.nat(), fc.nat(255), fc.nat(3))
  let taken = 0
  let refused = 0
  fc.assert(
    fc.property(anyFrame, fc.array(wound, { maxLength: 4 }), fc.nat(9), (frame, wounds, cut) => {
      const whole = encode(newFrame(), frame)
      let bytes: Uint8Array =
        wounds.length > 2 ? whole.slice(0, Math.max(1, whole.length - cut)) : whole
      for (const [place, byte, kind] of wounds) {
        const at = place % bytes.length
        if (kind === 0) bytes[at] = byte
        else if (kind === 1) bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1)])
        else bytes = Buffer.concat([bytes.subarray(0, at), Uint8Array.of(byte), bytes.subarray(at)])
        if (bytes.length === 0) bytes = Uint8Array.of(byte)
      }
      const slow = decode(newFrame(), bytes)
      assert.deepEqual(decode(Compiled, bytes), slow)
      assert.deepEqual(decodeWhole(Compiled, bytes), decodeWhole(newFrame(), bytes))
      if (slow.ok) taken++
      else refused++
    }),
    { numRuns: 5_000 },
  )
  assert.ok(taken > 500 && refused > 500, `${taken} taken, ${refused} refused`)
})
