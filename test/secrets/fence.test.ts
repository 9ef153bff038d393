/**
 * However the writes of those who set secrets, of who makes another key and of who seals anew come to
 * the ledger: nothing ever stands under a key that is forgotten.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  fenceOf,
  keysInUse,
  meshKeyIn,
  moveFence,
  putMeshKey,
} from '../../coordinator/secrets/key-rows.ts'
import { sealedRowAt, sealedRows, standingUnder } from '../../coordinator/secrets/places.ts'
import {
  type MeshKeyId,
  meshKeyIdLength,
  meshKeyIdOf,
  packSealing,
  sealingIn,
  unnamedKey,
} from '../../coordinator/secrets/sealed.ts'
import { NAMESPACE, SecretRow, VALUE_PREFIX } from '../../coordinator/secrets/wire.ts'
import type { SimpleCommand } from '../../protocol/ledger/catalogue.ts'
import type { LedgerState } from '../../protocol/ledger/state.ts'
import { encode } from '../../protocol/wire/codec.ts'
import { Replica } from '../ledger/stage.ts'

const keyNumber = (n: number) => String(n).padStart(meshKeyIdLength, '0') as MeshKeyId
const packedUnder = (key: MeshKeyId, isResealed = false) =>
  packSealing({ key, sealed: Uint8Array.of(1, 2, 3), isResealed })

/** What somebody has prepared from the ledger as it was then, and hands in later. */
type Prepared = readonly SimpleCommand[]

const row = { madeMs: 0, by: 'ada', why: '' }

function setting(state: LedgerState, name: string): Prepared {
  const sealed = packedUnder(meshKeyIn(state)!.id)
  const value = encode(SecretRow, { sealed, by: 'ada', atMs: 0 })
  const fence = fenceOf(state, sealed)
  assert.ok(fence)
  return [
    { kind: 'kvPut', value: { namespace: NAMESPACE, key: VALUE_PREFIX + name, value } },
    fence,
  ]
}

function making(state: LedgerState, made: number): Prepared {
  const { id, was, revision } = meshKeyIn(state)!
  if (was !== undefined) return []
  const next = keyNumber(made)
  return [putMeshKey({ ...row, id: next, was: id, revision }), moveFence(next)]
}

function resealing(state: LedgerState): Prepared {
  const { id, was } = meshKeyIn(state)!
  const [at] = was === undefined ? [] : standingUnder(state, was)
  const held = at && sealedRowAt(state, at)
  return held === undefined ? [] : [held.with(packedUnder(id, true))]
}

function forgetting(state: LedgerState): Prepared {
  const { id, was, revision } = meshKeyIn(state)!
  if (was === undefined || standingUnder(state, was).length > 0) return []
  return [putMeshKey({ ...row, id, revision })]
}

const acts = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant('set' as const), name: fc.constantFrom('a', 'b', 'c', 'd') }),
    fc.record({ kind: fc.constantFrom('make', 'reseal', 'forget' as const) }),
    fc.record({ kind: fc.constant('land' as const), which: fc.nat({ max: 8 }) }),
  ),
  { minLength: 10, maxLength: 80 },
)

interface Course {
  forgotten: number
  refused: number
}

function played(course: readonly { kind: string; name?: string; which?: number }[]): Course {
  const replica = new Replica()
  const land = (commands: Prepared) =>
    replica.do({ kind: 'batch', value: { commands: [...commands] } }).code
  land([putMeshKey({ ...row, id: keyNumber(0), revision: 0 }), moveFence(keyNumber(0))])
  const waiting: Prepared[] = []
  const seen: Course = { forgotten: 0, refused: 0 }
  let made = 0
  const prepare = ({ kind, name = '' }: { kind: string; name?: string }): Prepared => {
    if (kind === 'set') return setting(replica.state, name)
    if (kind === 'make') return making(replica.state, ++made)
    return kind === 'reseal' ? resealing(replica.state) : forgetting(replica.state)
  }
  for (const act of course) {
    if (act.kind !== 'land') {
      const prepared = prepare(act)
      if (prepared.length > 0) waiting.push(prepared)
      continue
    }
    const [next] = waiting.splice((act.which ?? 0) % Math.max(1, waiting.length), 1)
    if (next === undefined) continue
    const before = meshKeyIn(replica.state)?.was
    if (land(next) !== 'ok') seen.refused++
    if (before !== undefined && meshKeyIn(replica.state)?.was === undefined) seen.forgotten++
    const known = keysInUse(replica.state)
    for (const { key, sealing } of sealedRows(replica.state)) {
      assert.ok(known.includes(sealing.key), `${key} stands under ${sealing.key}`)
    }
  }
  return seen
}

test('nothing ever stands under a key that is forgotten, in whatever order writes land', () => {
  const sum = { forgotten: 0, refused: 0 }
  fc.assert(
    fc.property(acts, (course) => {
      const { forgotten, refused } = played(course)
      sum.forgotten += forgotten
      sum.refused += refused
    }),
    { numRuns: 500 },
  )
  assert.ok(sum.forgotten > 50 && sum.refused > 50, JSON.stringify(sum))
})

test('a secret that was sealed before another key came is not written after, and is set anew', () => {
  const replica = new Replica()
  const land = (commands: Prepared) =>
    replica.do({ kind: 'batch', value: { commands: [...commands] } }).code
  land([putMeshKey({ ...row, id: keyNumber(0), revision: 0 }), moveFence(keyNumber(0))])
  const late = setting(replica.state, 'a')
  assert.equal(land(making(replica.state, 1)), 'ok')
  assert.equal(land(late), 'conflict')
  assert.equal(fenceOf(replica.state, packedUnder(keyNumber(0))), undefined)
  assert.equal(land(setting(replica.state, 'a')), 'ok')
  assert.deepEqual(standingUnder(replica.state, keyNumber(0)), [])
})

test('a sealed value says which key it takes; one from before keys had an id takes the unnamed one', () => {
  const bytes = fc.uint8Array({ minLength: 0, maxLength: 200 })
  fc.assert(
    fc.property(bytes, bytes, fc.boolean(), (key, sealed, isResealed) => {
      const id = meshKeyIdOf(key)
      assert.deepEqual(sealingIn(packSealing({ key: id, sealed, isResealed })), {
        key: id,
        sealed,
        isResealed,
      })
      assert.equal(sealingIn(sealed).key, unnamedKey)
      assert.deepEqual(sealingIn(sealed).sealed, sealed)
    }),
  )
})
