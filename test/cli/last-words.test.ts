/** An agent of a local mesh that ends at once is told of in words, not as its log has it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { lastWords } from '../../simulations/mesh/together.ts'

const entry = (level: string, msg: string, why?: string) =>
  JSON.stringify({ level, time: 1, msg, why })

test('of the last lines those that say what went wrong are told, without a stack', () => {
  const why =
    'DiskError: /data/store: 954368 bytes are left\n    at FreeSpace.claim (free-space.ts:34)'
  const log = [entry('info', 'network started'), entry('error', 'the agent ends', why), ''].join(
    '\n',
  )
  assert.deepEqual(lastWords(log), [
    'the agent ends: DiskError: /data/store: 954368 bytes are left',
  ])
  const refused = [
    entry('info', 'network started'),
    'skein: port 4130 is taken; choose another',
  ].join('\n')
  assert.deepEqual(lastWords(refused), ['skein: port 4130 is taken; choose another'])
})

test('where nothing says what went wrong, the last five lines are told', () => {
  const log = ['one', 'two', 'three', entry('info', 'four'), 'five', 'six'].join('\n')
  assert.deepEqual(lastWords(log), ['two', 'three', 'four', 'five', 'six'])
})
