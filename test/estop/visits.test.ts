/** Stops that are brought by somebody who is no peer: real agents in the simulated world. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { estopDriverLimits } from '../../agent/estop/limits.ts'
import { refusalsOf } from '../../coordinator/api/queries.ts'
import { VisitAnswer, visitPurpose } from '../../protocol/estop/visit.ts'
import { StopWord } from '../../protocol/estop/word.ts'
import { decodeWhole, encode } from '../../protocol/wire/codec.ts'
import { Mesh } from '../history/stage.ts'
import { keyNumber } from '../identity/parties.ts'
import { Intruder } from '../matrix/intruders.ts'
import { admin, handsOf, operator, raiseOf, releaseOf, signed } from './words.ts'

const stopped = (mesh: Mesh) => mesh.members.map(({ agent }) => agent.estop.isAnyInForce)

test('a stop that a person brings to one host stops all, and is answered with who has obeyed', async () => {
  const mesh = await Mesh.of('visit', 3)
  const [first] = mesh.members
  assert.ok(first)
  const visitor = new Intruder(mesh, 'visitor', undefined)
  const visit = await visitor.visit(first, visitPurpose)
  const word = encode(StopWord, signed(raiseOf(), operator))
  visit.send(word)
  await mesh.world.runFor(1_000)
  assert.deepEqual(stopped(mesh), [true, true, true])
  visit.send(word)
  await mesh.world.runFor(100)
  const answers = visit.heard.map((frame) => decodeWhole(VisitAnswer, frame))
  assert.deepEqual(
    answers.map((answer) => answer?.outcome),
    ['news', 'known'],
  )
  const { nodes = [], nextEpoch } = answers[1] ?? {}
  assert.deepEqual(
    nodes.map(({ state, answer }) => `${state} ${answer}`),
    ['alive done', 'alive done', 'alive done'],
  )
  assert.deepEqual(
    nodes.map(({ name }) => name).sort(),
    mesh.members.map(({ host }) => host.name).sort(),
  )
  assert.equal(nextEpoch, 2)
})

test('who brings a word that is not believed, a release or anything else hears nothing', async () => {
  const mesh = await Mesh.of('no visit', 3)
  const [first] = mesh.members
  assert.ok(first)
  const viewer = handsOf(keyNumber(6), { name: 'vic', roles: ['viewer'] })
  const forged = signed(raiseOf(), operator)
  forged.hands[0]!.signature = new Uint8Array(64)
  const wrong = [
    encode(StopWord, signed(raiseOf(), viewer)),
    encode(StopWord, signed(raiseOf())),
    encode(StopWord, forged),
    encode(StopWord, signed(releaseOf(), admin)),
    encode(StopWord, { body: new Uint8Array(9), hands: [] }),
    Uint8Array.of(0xff),
  ]
  for (const [number, bytes] of wrong.entries()) {
    const visitor = new Intruder(mesh, `visitor${number}`, undefined)
    const visit = await visitor.visit(first, visitPurpose)
    visit.send(bytes)
    await mesh.world.runFor(500)
    assert.deepEqual(visit.heard, [], String(number))
    assert.equal(visit.open, false, String(number))
  }
  assert.deepEqual(stopped(mesh), [false, false, false])
})

test('who brings nothing makes room for the next; who was believed stays, for a while', async () => {
  const mesh = await Mesh.of('many visits', 1)
  const [first] = mesh.members
  assert.ok(first)
  const comes = (name: string) => new Intruder(mesh, name, undefined).visit(first, visitPurpose)
  const visits = []
  for (let n = 0; n < estopDriverLimits.visitsMax; n++) visits.push(await comes(`v${n}`))
  const word = encode(StopWord, signed(raiseOf(), operator))
  visits[0]?.send(word)
  await mesh.world.runFor(100)
  assert.deepEqual([visits[0]?.heard.length, stopped(mesh)], [1, [true]])
  const late = await comes('late')
  late.send(word)
  await mesh.world.runFor(100)
  assert.deepEqual(
    visits.map(({ open }) => open),
    visits.map((_, n) => n !== 1),
    'the first of those who have said nothing',
  )
  assert.equal(late.heard.length, 1)
  // All of them have been believed: now one more is too many.
  for (const visit of visits) visit.send(word)
  await mesh.world.runFor(100)
  visits.splice(1, 1, late)
  const tooMany = await comes('one-too-many')
  tooMany.send(word)
  await mesh.world.runFor(100)
  assert.deepEqual(tooMany.heard, [])
  assert.ok(visits.every(({ open }) => open))
  await mesh.world.runFor(estopDriverLimits.visitMsMax + 100)
  assert.ok(visits.every(({ open }) => !open))
})

test('a visitor has one word that is not believed, and is not there any more to say another', async () => {
  const mesh = await Mesh.of('words of one visitor', 1)
  const [first] = mesh.members
  assert.ok(first)
  const visitor = new Intruder(mesh, 'visitor', undefined)
  const visit = await visitor.visit(first, visitPurpose)
  const other = await visitor.visit(first, visitPurpose)
  visit.send(encode(StopWord, signed(raiseOf())))
  await mesh.world.runFor(100)
  assert.deepEqual([visit.open, other.open], [false, false])
  assert.equal(refusalsOf(first.agent).unsigned, 1)
})
