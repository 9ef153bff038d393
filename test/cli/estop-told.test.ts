/** When a stop counts as confirmed by all, and what a person hears who must act where it is not. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isAwaited, type StopNode, tell } from '../../coordinator/cli/estop-told.ts'
import { exitCodes } from '../../protocol/exit-codes.ts'
import { stage } from './stage.ts'

function node(name: string, state: StopNode['state'], answer: StopNode['answer']): StopNode {
  return { id: `id of ${name}`, name, state, answer, killed: 0, tookMs: 1 }
}

const nowhere = 'http://127.0.0.1:1'
const done = node('n1', 'alive', 'done')

test('all have stopped when every node has confirmed that has not left', () => {
  const { io, context } = stage(nowhere)
  const nodes = [done, node('n2', 'left', 'silent'), node('n3', 'dead', 'done')]
  assert.equal(tell(context, 'word', 'news', nodes), exitCodes.done)
  assert.equal(io.talk, '')
})

test('who looks dead may be cut off: nobody waits for it, and not all have stopped', () => {
  const { io, context } = stage(nowhere)
  const nodes = [done, node('n2', 'dead', 'silent'), node('n3', 'suspect', 'latched')]
  assert.deepEqual(
    nodes.filter(isAwaited).map(({ name }) => name),
    ['n3'],
  )
  assert.equal(tell(context, 'word', 'news', nodes), exitCodes.partly)
  assert.match(io.talk, /not confirmed by n3; they are told again until they answer\n/)
  assert.match(io.talk, /dead or cut off: n2; .* skein agent estop --local .* skein nodes remove\n/)
})

test('who has not confirmed is in the document', () => {
  const { io, context } = stage(nowhere, { json: true })
  tell(context, 'word', 'news', [done, node('n2', 'dead', 'silent')])
  const { missing } = JSON.parse(io.said) as { missing: string[] }
  assert.deepEqual(missing, ['n2'])
})
