/** `skein runs watch` where no terminal is: a line for each thing that has changed, and no line twice. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { watch } from '../../coordinator/cli/run-watch.ts'
import { exitCodes } from '../../protocol/exit-codes.ts'
import { fakeAgent, says, stage } from './stage.ts'

const run = { id: 'r1', name: 'w', workflow: 'f', state: 'running', stopping: 'none', by: 'ada' }
const head = { ...run, startedMs: 1_000, labels: {} }
const build = {
  ...{ name: 'build', section: 'stages', kind: 'run', needs: [], attempts: [] },
  ...{ state: 'assigned', attempt: 1, node: 'x', nodeName: 'n1', changedMs: 2_000 },
}
const late = { usualMs: 1_000, farMs: 2_100, n: 17 }
const rival = { attempt: 2, node: 'y', nodeName: 'n2', assignedMs: 9_000 }

test('an attempt that is late and raced is told as such, once', async (t) => {
  const news = [
    { run: head, stages: [build] },
    { run: head, stages: [{ ...build, late }] },
    { run: head, stages: [{ ...build, late, attempt: 2, rival }] },
    // Nothing of it has changed that is worth a line.
    { run: head, stages: [{ ...build, late, attempt: 2, rival, progress: 0.5 }] },
    {
      run: { ...head, state: 'succeeded', endedMs: 12_000 },
      stages: [{ ...build, state: 'succeeded', attempt: 2, node: 'y', nodeName: 'n2' }],
    },
  ]
  const lines = news.map((one) => `${JSON.stringify({ schemaVersion: 1, ...one })}\n`)
  const { address } = await fakeAgent(t, [says(lines.join(''), 'application/x-ndjson')])
  const { context, io } = stage(address)
  assert.equal(await watch(context, 'r1', { wait: true }), exitCodes.done)
  // Without the time of day.
  const told = io.talk.split('\n').map((line) => line.replace(/^[\d:]+ /, ''))
  assert.deepEqual(told, [
    'build running on n1',
    'build running on n1: late: usually 1.0s, nearly always under 2.1s',
    'build running on n1, n2: late: usually 1.0s, nearly always under 2.1s',
    'build succeeded on n2',
    'run r1 succeeded in 11s',
    '',
  ])
})
