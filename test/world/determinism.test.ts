/** One seed, one history: in this process, in another, and however promises are drained. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { TraceLine } from '../../simulations/world/trace.ts'
import { World } from '../../simulations/world/world.ts'
import { joined } from './cast.ts'
import { history } from './history.ts'

const run = promisify(execFile)

test('the same seed gives the same history, and another seed another', async () => {
  const first = await history('one')
  assert.deepEqual(await history('one'), first)
  assert.ok(first.events > 2_000, `a history worth comparing has more than ${first.events} events`)
  const hashes = await Promise.all(['two', 'three', 'one '].map((seed) => history(seed)))
  assert.equal(new Set([first, ...hashes].map(({ hash }) => hash)).size, 4)
})

test('another process replays the same history', async () => {
  const { hash, events } = await history('shared')
  const program = fileURLToPath(new URL('history.ts', import.meta.url))
  const { stdout } = await run(process.execPath, [program, 'shared'])
  assert.equal(stdout.trim(), `${hash} ${events}`)
})

test('the fast way to drain promises changes nothing', async () => {
  const direct = await history('drained', { drain: 'direct' })
  assert.deepEqual(await history('drained', { drain: 'macrotask' }), direct)
})

test('reading along changes nothing, and tells the same story each time', async () => {
  const stories = [[], []] as TraceLine[][]
  const unread = await history('told')
  for (const story of stories) {
    assert.deepEqual(await history('told', { trace: (line) => story.push(line) }), unread)
  }
  assert.ok(stories[0]!.length > 2_000)
  assert.deepEqual(stories[0], stories[1])
  const kinds = new Set(stories[0]!.map(({ kind }) => kind))
  for (const kind of ['boot', 'timer', 'frame', 'topic', 'disk', 'fault', 'wire', 'log'] as const) {
    assert.ok(kinds.has(kind), `the story tells of ${kind}`)
  }
})

test('histories that differ in one byte of one frame differ in their hash', async () => {
  const hashes: string[] = []
  for (const last of [1, 2]) {
    const world = new World({ seed: 1 })
    const { near, far } = await joined(world)
    near.stream.send(Uint8Array.of(0, 0, 0, last))
    assert.ok(await world.runUntil(() => far.numbers.length === 1, 1_000))
    hashes.push(world.traceHash())
  }
  assert.notEqual(hashes[0], hashes[1])
})
