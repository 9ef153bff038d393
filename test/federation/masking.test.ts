import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { MaskingClient } from '../../models/federation/masking/client.ts'
import { Masked, Reveal, type Selection, Sketch } from '../../models/federation/masking/messages.ts'
import { MaskingServer } from '../../models/federation/masking/server.ts'
import { faultOf, thresholdsOf } from '../../models/federation/masking/terms.ts'
import { courses, type LastWord } from '../../models/federation/rounds/carrying.ts'
import { commonLength } from '../../models/registry/common.ts'
import type { PeerId, Signer } from '../../protocol/identity/peer-id.ts'
import { decode, encode } from '../../protocol/wire/codec.ts'
import type { Schema } from '../../protocol/wire/schema.ts'
import { SeededEntropy } from '../../simulations/world/entropy.ts'
import { carried, hosts, plainSum, someUpdates, termsOf } from './parties.ts'

const signers = hosts(7)
const terms = termsOf(signers, 40)
const updates = someUpdates(terms, 'a')
const id = (i: number) => (signers[i] as Signer).id

/** Shown where the sum opens: exactly those who were counted, to the last bit. */
function assertSum(outcome: ReturnType<typeof carried>, counted: readonly number[]): void {
  assert.ok(outcome.ok, JSON.stringify(outcome))
  assert.deepEqual(outcome.summed, counted.map(id))
  assert.deepEqual(outcome.sum, plainSum(counted.map((i) => updates[i] as Int32Array)))
}

test('the sum of all comes out to the last bit, with and without sketches', () => {
  for (const sketch of [0, 16]) {
    const outcome = carried({
      terms: { ...terms, sketch },
      signers,
      updates,
      deaths: [],
      seed: 'a',
    })
    assertSum(outcome, [0, 1, 2, 3, 4, 5, 6])
  }
})

test('whoever dies when: enough that are left give the exact sum, and fewer give none', () => {
  const death = fc.constantFrom<LastWord>(...courses)
  const { shares, summedMin } = thresholdsOf(7)
  const seen = { opened: 0, failed: 0 }
  fc.assert(
    fc.property(
      fc.array(fc.oneof({ weight: 3, arbitrary: fc.constant<LastWord>('all') }, death), {
        minLength: 7,
        maxLength: 7,
      }),
      (deaths) => {
        const said = (word: LastWord) =>
          deaths.flatMap((one, i) => (courses.indexOf(one) >= courses.indexOf(word) ? [i] : []))
        const outcome = carried({ terms, signers, updates, deaths, seed: deaths.join() })
        const isEnough =
          said('keys').length >= shares &&
          said('dealing').length >= shares &&
          said('sketch').length >= summedMin &&
          said('all').length >= shares
        assert.equal(outcome.ok, isEnough, deaths.join())
        if (isEnough) assertSum(outcome, said('sketch'))
        seen[isEnough ? 'opened' : 'failed']++
      },
    ),
    { numRuns: 60, seed: 1 },
  )
  assert.ok(seen.opened > 10 && seen.failed > 10, JSON.stringify(seen))
})

test('a sum of many is opened in steps, in none of which the masks of two who died are taken away', () => {
  const many = hosts(24)
  const large = termsOf(many, commonLength, 64)
  let steps = 0
  class InSteps extends MaskingServer {
    override open() {
      const opening = this.opening()
      for (;;) {
        steps++
        const step = opening.next()
        if (step.done === true) return step.value
      }
    }
  }
  const given = someUpdates(large, 'many')
  const outcome = carried({
    ...{ terms: large, signers: many, updates: given, seed: 'many', server: new InSteps(large) },
    deaths: many.map((_, i) => (i < 4 ? 'dealing' : 'all')),
  })
  assert.ok(outcome.ok, JSON.stringify(outcome))
  assert.deepEqual(outcome.sum, plainSum(given.slice(4)))
  assert.equal(steps, 25)
})

test('whom the leader leaves out is not in the sum, though its masks were in all others', () => {
  const outcome = carried({
    terms,
    signers,
    updates,
    deaths: ['all', 'sketch'],
    seed: 'a',
    select: (candidates) => candidates.filter((peer) => peer !== id(2) && peer !== id(5)),
  })
  assertSum(outcome, [0, 1, 3, 4, 6])
})

test('five hosts bear one that is killed, at any time', () => {
  const five = hosts(5)
  const some = termsOf(five, 10)
  const given = someUpdates(some, 'b')
  for (const death of courses.slice(0, 5)) {
    const deaths: LastWord[] = ['all', 'all', death]
    assert.ok(carried({ terms: some, signers: five, updates: given, deaths, seed: 'c' }).ok, death)
  }
})

test('no client gives shares of both secrets of one peer, whatever the leader asks for', () => {
  const { clients, hands, server } = untilMasked()
  const first = clients[0] as MaskingClient
  const roll = server.closeMasked()
  assert.ok(roll.ok && hands.size === 7)
  assert.ok(first.sketch(roll.message).ok)
  const said = first.reveal({ peers: signers.map(({ id: peer }) => peer) })
  assert.ok(said.ok)
  assert.equal(new Set(said.message.shares.map(({ of }) => of)).size, 7)
  const again: Selection = { peers: [0, 1, 2, 3].map(id) }
  assert.deepEqual(first.reveal(again), { ok: false, why: 'outOfTurn' })
})

test('a client opens no sum of few, and none of strangers', () => {
  const asks: [Selection, string][] = [
    [{ peers: [id(0)] }, 'tooFew'],
    [{ peers: [0, 1, 2].map(id) }, 'tooFew'],
    [{ peers: [id(0), id(0), id(0), id(0), id(0)] }, 'strangers'],
    [{ peers: [...[0, 1, 2, 3].map(id), 'zzz'] }, 'strangers'],
  ]
  for (const [selection, why] of asks) {
    const { clients, server } = untilMasked()
    const roll = server.closeMasked()
    assert.ok(roll.ok)
    const client = clients[0] as MaskingClient
    assert.ok(client.sketch(roll.message).ok)
    assert.deepEqual(client.reveal(selection), { ok: false, why })
    assert.deepEqual(client.reveal({ peers: terms.participants.slice() }), {
      ok: false,
      why: 'outOfTurn',
    })
  }
})

test('a leader who makes up keys, or another roll, is refused', () => {
  const { keys, clients, server } = untilMasked()
  const roll = server.closeMasked()
  assert.ok(roll.ok)
  const other = roll.message.entries.map((entry) => ({ ...entry, digest: new Uint8Array(32) }))
  assert.deepEqual(clients[1]?.sketch({ entries: other }), { ok: false, why: 'ownNotTold' })
  const forged = keys.map((one, i) => (i === 3 ? { ...one, masking: keys[4]!.masking } : one))
  const fresh = new MaskingClient(signers[0] as Signer, terms, new SeededEntropy(`a ${id(0)}`))
  assert.ok(fresh.keys().ok)
  assert.deepEqual(fresh.deal({ keys: forged }), { ok: false, why: 'badSignature' })
})

test('who shows a false share is named, and the others are enough', () => {
  const outcome = carried({
    terms,
    signers,
    updates,
    deaths: [],
    seed: 'a',
    onWay: (kind, from, bytes) => {
      if (kind !== 'all' || from !== id(4)) return bytes
      const { shares } = readAs(Reveal, bytes)
      return encode(Reveal, {
        shares: shares.map((one) => ({ ...one, share: new Uint8Array(32) })),
      })
    },
  })
  assertSum(outcome, [0, 1, 2, 3, 4, 5, 6])
  assert.deepEqual(outcome.ok && outcome.liars, [id(4)])
})

test('an update other than the one that was sketched opens nothing', () => {
  const outcome = carried({
    terms,
    signers,
    updates,
    deaths: [],
    seed: 'a',
    onWay: (kind, from, bytes) => {
      if (kind !== 'sketch' || from !== id(3)) return bytes
      const { sums } = readAs(Sketch, bytes)
      return encode(Sketch, { sums: sums.map((value) => Math.round(value / 10)) })
    },
  })
  assert.deepEqual(outcome, { ok: false, why: 'sketchesDoNotAddUp', liars: [] })
})

test('what no client can have sent is refused when it comes', () => {
  const server = new MaskingServer(terms)
  const client = new MaskingClient(signers[0] as Signer, terms, new SeededEntropy('x'))
  const said = client.keys()
  assert.ok(said.ok)
  const stranger = hosts(9).find(({ id: one }) => !terms.participants.includes(one)) as Signer
  assert.equal(server.takeKeys(stranger.id, { ...said.message, from: stranger.id }), 'stranger')
  assert.equal(server.takeKeys(id(1), said.message), 'stranger')
  assert.equal(server.takeKeys(id(1), { ...said.message, from: id(1) }), 'badSignature')
  assert.equal(server.takeKeys(id(0), said.message), 'taken')
  assert.equal(server.takeKeys(id(0), said.message), 'twice')
  assert.equal(server.takeMasked(id(0), { values: new Uint8Array(4) }), 'outOfTurn')
  assert.deepEqual(server.closeKeys(), { ok: false, why: 'tooFew', have: 1 })
})

test('the leader knows whom it still waits for', () => {
  const { server } = untilMasked()
  assert.deepEqual(server.awaited, [])
  assert.ok(server.closeMasked().ok)
  assert.deepEqual(
    server.awaited,
    signers.map(({ id: peer }) => peer),
  )
})

test('what the leader sees of an update is as chance is', () => {
  const long = termsOf(signers, 8_000, 0)
  const given = someUpdates(long, 'd')
  const counts = new Uint32Array(256)
  let all = Buffer.alloc(0)
  let whole = Buffer.alloc(0)
  const outcome = carried({
    terms: long,
    signers,
    updates: given,
    deaths: [],
    seed: 'd',
    onWay: (kind, _from, bytes) => {
      if (kind === 'masked') all = Buffer.concat([all, readAs(Masked, bytes).values])
      whole = Buffer.concat([whole, bytes])
      return bytes
    },
  })
  assert.ok(outcome.ok)
  for (const byte of all) counts[byte] = (counts[byte] as number) + 1
  const expected = all.length / 256
  const chiSquare = counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0)
  // 255 degrees of freedom: beyond 347 once in ten thousand times.
  assert.ok(chiSquare < 347, `chi-square ${chiSquare}`)
  for (const update of given) {
    for (let at = 0; at + 4 <= update.length; at += 4) {
      const bare = Buffer.from(update.buffer, update.byteOffset + 4 * at, 16)
      assert.ok(!whole.includes(bare), 'no four numbers of any update were sent')
    }
  }
})

test('terms that cannot be held are said to be none', () => {
  assert.equal(faultOf(terms), undefined)
  assert.equal(faultOf({ ...terms, participants: terms.participants.slice(0, 2) }), 'participants')
  const backwards = terms.participants.slice().reverse()
  assert.equal(faultOf({ ...terms, participants: backwards }), 'participants')
  assert.equal(faultOf({ ...terms, parameters: 1e6 }), 'parameters')
  assert.equal(faultOf({ ...terms, clip: Number.NaN }), 'clip')
  assert.equal(faultOf({ ...terms, sketch: 1.5 }), 'sketch')
})

function readAs<T>(schema: Schema<T>, bytes: Uint8Array): T {
  const read = decode(schema, bytes)
  assert.ok(read.ok)
  return read.value
}

function untilMasked() {
  const server = new MaskingServer(terms)
  const clients = signers.map(
    (signer) => new MaskingClient(signer, terms, new SeededEntropy(`a ${signer.id}`)),
  )
  clients.forEach((client, i) => {
    const said = client.keys()
    assert.ok(said.ok)
    assert.equal(server.takeKeys(id(i), said.message), 'taken')
  })
  const list = server.closeKeys()
  assert.ok(list.ok)
  clients.forEach((client, i) => {
    const said = client.deal(list.message)
    assert.ok(said.ok)
    assert.equal(server.takeDealing(id(i), said.message), 'taken')
  })
  const dealt = server.closeDealing()
  assert.ok(dealt.ok)
  const hands = dealt.message
  clients.forEach((client, i) => {
    const said = client.mask(hands.get(id(i) as PeerId)!, updates[i] as Int32Array)
    assert.ok(said.ok)
    assert.equal(server.takeMasked(id(i), said.message), 'taken')
  })
  return { server, clients, hands, keys: list.message.keys }
}
