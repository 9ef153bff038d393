/** `skein history …`: what is shown of a host's memory, what is asked before it forgets, and how it ends. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { list, purge, show } from '../../coordinator/cli/host-history.ts'
import { exitCodes } from '../../protocol/exit-codes.ts'
import { asked } from '../cli/stage.ts'

const kind = {
  task: 'script/make/0123456789',
  workflow: 'release',
  tried: 12,
  succeeded: 9,
  tookMs: { p10: 900, p50: 1_500, p90: 61_000, n: 9 },
  peakMemoryBytes: { p50: 300 * 1024 ** 2, p10: 1, p90: 400 * 1024 ** 2, n: 12 },
  oldestMs: Date.now() - 7_200_000,
  newestMs: Date.now() - 3_000,
}
const told = { schemaVersion: 1, node: 'n2', attempts: 12, lost: 1, kinds: [kind], more: 0 }

test('kinds of work are listed with counts, times and ages', async (t) => {
  const { context, io, requests } = await asked(t, told)
  assert.equal(await list(context, 'n2'), exitCodes.done)
  assert.deepEqual(requests, ['GET /api/v1/nodes/n2/history'])
  const [title = '', row = ''] = io.said.split('\n')
  assert.match(
    title,
    /^FINGERPRINT +WORKFLOW +TRIES +SUCCEED +P10 +P50 +P90 +MEMORY +NEWEST +OLDEST/,
  )
  assert.match(
    row,
    /^script\/make\/0123456789 +release +12 +75% +900ms +1\.5s +61s +300 MiB +3\.\ds +2h0m/,
  )
  assert.match(io.talk, /^n2 remembers 12 attempts of one kind; 1 since its start could not be/)
})

test('a host that remembers nothing says so, and the exit code with it', async (t) => {
  const none = { ...told, attempts: 0, kinds: [], lost: 0 }
  const { context, io } = await asked(t, none)
  assert.equal(await list(context, 'self'), exitCodes.notFound)
  assert.equal(io.talk, 'n2 remembers nothing yet\n')
  assert.equal(await show(context, 'script/cp', 'self'), exitCodes.notFound)
})

test('one kind is shown closely', async (t) => {
  const { context, io, requests } = await asked(t, told)
  assert.equal(await show(context, 'script/make', 'n2'), exitCodes.done)
  assert.deepEqual(requests, ['GET /api/v1/nodes/n2/history?task=script%2Fmake'])
  assert.match(io.said, /^tries +12, of which 9 succeeded \(75%\)$/m)
  assert.match(io.said, /^took +p10 900ms, p50 1\.5s, p90 61s, of 9$/m)
})

test('purging asks first, says what it has done, and finds nothing where there is nothing', async (t) => {
  const done = { schemaVersion: 1, node: 'n2', purged: 3, left: 9 }
  const { context, io, requests, bodies } = await asked(t, done)
  const flags = { before: '2026-01-31T12:00Z', fingerprint: 'script/make/0123456789' }
  await assert.rejects(purge(context, 'n2', flags), (error: Error & { exitCode?: number }) => {
    assert.match(error.message, /script\/make\/0123456789/)
    return error.exitCode === exitCodes.refused
  })
  assert.deepEqual(requests, [])
  assert.equal(await purge({ ...context, yes: true }, 'n2', flags), exitCodes.done)
  assert.deepEqual(requests, ['POST /api/v1/nodes/n2/history/purge'])
  assert.deepEqual(JSON.parse(bodies[0] ?? ''), {
    beforeMs: Date.parse('2026-01-31T12:00Z'),
    task: 'script/make/0123456789',
  })
  assert.equal(io.talk, 'n2 has forgotten 3, and remembers 9\n')
  const nothing = await asked(t, { ...done, purged: 0 })
  assert.equal(await purge({ ...nothing.context, yes: true }, 'n2', {}), exitCodes.notFound)
})
