/** Five agents, each in a network of its own, killed, paused and cut off for a short while. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { exitCodes } from '../../protocol/exit-codes.ts'
import type { Figure } from '../../simulations/bench/report.ts'
import { runSkein } from './skein.ts'

const MINUTES = '0.4'

test('clients of a mesh in trouble are told nothing that is not so, and the mesh heals', async (t) => {
  const seed = String(Date.now() % 100_000)
  const { code, out, err } = await runSkein(
    ...['bench', 'chaos', '--minutes', MINUTES, '--seed', seed, '--json'],
  )
  if (code === exitCodes.refused && err.includes('noNamespaces')) {
    return t.skip('this user may make no network namespaces')
  }
  t.diagnostic(`seed ${seed}`)
  assert.equal(code, exitCodes.done, `seed ${seed}\n${err}\n${out}`)
  const { results } = JSON.parse(out) as { results: Figure[] }
  const figure = (metric: string) => results.find((one) => one.metric === metric)?.value ?? 0
  assert.ok(figure('kills') + figure('pauses') + figure('partitions') > 0, 'there was trouble')
  assert.equal(figure('histories without a linear order'), 0)
})

test('a time that is none is refused before anything is started', async () => {
  const { code, err } = await runSkein('bench', 'chaos', '--minutes', 'x')
  assert.equal(code, exitCodes.usage)
  assert.match(err, /--minutes is "x"/)
})
