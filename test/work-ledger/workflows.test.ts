import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Command } from '../../protocol/ledger/catalogue.ts'
import { canonicalHash } from '../../protocol/workflow/canonical.ts'
import { bytesOf } from '../ledger/stage.ts'
import { hash, Mesh, putWorkflow, smallLimits, startRun, text } from './stage.ts'

const long = '{"name":"größer"}'
const bytes = bytesOf(long)
const longHash = canonicalHash(long)

function piece(chunk: number, chunks: number, part: Uint8Array, name = 'large'): Command {
  return { kind: 'workflowPut', value: { hash: longHash, name, chunks, chunk, text: part } }
}

/** Within a character. */
const cut = long.indexOf('ö') + 1
const first = bytes.subarray(0, cut)
const rest = bytes.subarray(cut)

const stored = (mesh: Mesh) => mesh.ask({ kind: 'workflowGet', hash: longHash })

test('a workflow in pieces is whole when all are there, in whatever order they came', () => {
  const mesh = new Mesh()
  assert.equal(stored(mesh), undefined)
  mesh.ok(piece(1, 2, rest))
  assert.deepEqual(stored(mesh), { hash: longHash, name: 'large', putMs: 1_000, references: 0 })
  assert.deepEqual(mesh.do(startRun('r1', { workflow: longHash })), { code: 'notFound' })
  mesh.ok(piece(0, 2, first))
  assert.equal(stored(mesh)?.text, long)
  const told = mesh.replica.events.map(({ change }) => change)
  assert.deepEqual(told, [{ kind: 'workflowStored', hash: longHash, name: 'large' }])
})

test('a piece that is there already changes nothing, and neither does any of a whole text', () => {
  const mesh = new Mesh()
  mesh.ok(piece(0, 2, first))
  const begun = [...mesh.state.rows.entries()]
  mesh.ok(piece(0, 2, first))
  assert.deepEqual([...mesh.state.rows.entries()], begun)
  mesh.ok(piece(1, 2, rest))
  const whole = [...mesh.state.rows.entries()]
  mesh.ok(piece(1, 2, rest))
  mesh.ok(piece(0, 1, bytes))
  mesh.ok(piece(0, 2, bytesOf('wrong')))
  assert.deepEqual([...mesh.state.rows.entries()], whole)
})

test('a text whose hash is wrong does not come about; sent again rightly, it does', () => {
  const mesh = new Mesh()
  mesh.ok(piece(0, 2, bytesOf('wrong')))
  const begun = [...mesh.state.rows.entries()]
  assert.deepEqual(mesh.do(piece(1, 2, rest)), { code: 'malformed' })
  assert.deepEqual([...mesh.state.rows.entries()], begun)
  mesh.ok(piece(0, 2, first))
  mesh.ok(piece(1, 2, rest))
  assert.equal(stored(mesh)?.text, long)
})

test('who cuts a text in another way than one that was not finished begins it anew', () => {
  const mesh = new Mesh()
  mesh.ok(piece(2, 3, bytesOf('part')))
  mesh.ok(piece(0, 2, first))
  mesh.ok(piece(1, 2, rest))
  assert.equal(stored(mesh)?.text, long)
  assert.equal(mesh.state.rows.size, 3)
})

test('what can be no piece is refused by what is wrong with it', () => {
  const mesh = new Mesh(smallLimits)
  const codeOf = (command: Command) => mesh.do(command).code
  const put = (also: object) =>
    codeOf({ ...putWorkflow(), value: { ...putWorkflow().value, ...also } } as Command)
  assert.equal(put({ hash: 'abc' }), 'badName')
  assert.equal(put({ name: '' }), 'badName')
  assert.equal(put({ chunks: 4 }), 'tooLarge')
  assert.equal(put({ text: new Uint8Array(smallLimits.workflowChunkBytesMax + 1) }), 'tooLarge')
  assert.equal(put({ chunks: 0 }), 'malformed')
  assert.equal(put({ chunk: 1 }), 'malformed')
  assert.equal(put({ text: bytesOf('else') }), 'malformed')
  assert.equal(mesh.state.rows.size, 0)
})

test('when room is needed, the oldest workflow that nothing holds gives way', () => {
  const mesh = new Mesh(smallLimits)
  const texts = ['{"name":"a"}', '{"name":"b"}', '{"name":"c"}', '{"name":"d"}']
  const [a, b, c, d] = texts.map(canonicalHash) as [string, string, string, string]
  const is = (which: string) => mesh.ask({ kind: 'workflowGet', hash: which }) !== undefined
  for (const each of texts.slice(0, 2)) {
    mesh.ok(putWorkflow(each))
    mesh.timeMs++
  }
  mesh.ok(startRun('r1', { workflow: a }))
  mesh.ok(putWorkflow(texts[2]))
  assert.deepEqual([a, b, c].map(is), [true, false, true])
  mesh.ok({ kind: 'workflowPublish', value: { name: 'release', hash: c } })
  assert.deepEqual(mesh.do(putWorkflow(texts[3])), { code: 'full' })
  assert.deepEqual([a, c, d].map(is), [true, true, false])
})

test('a name means the workflow that it was given last, and lets go of the one before', () => {
  const mesh = new Mesh()
  const other = '{"name":"other"}'
  mesh.ok(putWorkflow())
  mesh.ok(putWorkflow(other))
  const publish = (which: string): Command => ({
    kind: 'workflowPublish',
    value: { name: 'release', hash: which },
  })
  const named = () => mesh.ask({ kind: 'workflowOfName', name: 'release' })
  assert.equal(named(), undefined)
  mesh.ok(publish(hash))
  const revision = mesh.state.index
  assert.deepEqual(named(), { name: 'release', hash, revision })
  assert.deepEqual(mesh.do(publish(hash)), { code: 'ok', revision })
  mesh.ok(publish(canonicalHash(other)))
  assert.equal(named()?.hash, canonicalHash(other))
  assert.deepEqual(mesh.ask({ kind: 'workflowNameList' }).items, [named()])
  assert.equal(mesh.ask({ kind: 'workflowGet', hash }), undefined, 'nothing holds it any more')
})

test('a name is given only to a workflow that is there and whole', () => {
  const mesh = new Mesh()
  const publish = (name: string, which: string) =>
    mesh.do({ kind: 'workflowPublish', value: { name, hash: which } }).code
  assert.equal(publish('release', hash), 'notFound')
  mesh.ok(piece(0, 2, first))
  assert.equal(publish('release', longHash), 'notFound')
  assert.equal(publish('', longHash), 'badName')
})

test('a text stays as long as a run or a name holds it', () => {
  const mesh = new Mesh()
  mesh.start('r1')
  mesh.ok(startRun('r2'))
  mesh.ok({ kind: 'workflowPublish', value: { name: 'release', hash } })
  const held = () => mesh.ask({ kind: 'workflowGet', hash })
  assert.deepEqual(held(), { hash, name: 'release', putMs: 1_000, references: 3, text })
  for (const run of ['r1', 'r2']) {
    mesh.advanceRun(run, { kind: 'ended', value: { after: [], to: 4 } })
    mesh.ok({ kind: 'runArchive', value: { runs: [run] } })
  }
  assert.equal(held()?.references, 1)
})
