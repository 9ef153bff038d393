/** Traces of workflows, each carried through by real agents in an order that the trace allows. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { exitCodes } from '../../protocol/exit-codes.ts'
import type { Figure } from '../../simulations/bench/report.ts'
import type { Shape } from '../../simulations/workloads/shape.ts'
import { chain, diamonds, fan } from '../../simulations/workloads/shapes.ts'
import { runSkein } from './skein.ts'

const directory = mkdtempSync(join(tmpdir(), 'skein-traces-'))
after(() => rmSync(directory, { recursive: true, force: true }))

/** In WfFormat. Of each pair, one of the two says it: parents and children by turns. */
function traceOf({ name, nodes }: Shape): string {
  const id = (node: number) => `task_${node}`
  const saysParent = (parent: number, child: number) => (parent + child) % 2 === 0
  const tasks = nodes.map(({ kind, needs }, i) => ({
    id: id(i),
    name: kind,
    parents: needs.filter((need) => saysParent(need, i)).map(id),
    children: nodes.flatMap((other, j) =>
      other.needs.includes(i) && !saysParent(i, j) ? [id(j)] : [],
    ),
  }))
  const execution = {
    makespanInSeconds: 1,
    executedAt: '2026-01-01T00:00:00Z',
    tasks: nodes.map(({ seconds = 0 }, i) => ({ id: id(i), runtimeInSeconds: seconds })),
  }
  const workflow = { specification: { tasks }, execution }
  return JSON.stringify({ name, schemaVersion: '1.5', workflow })
}

const shapes = [
  chain(12, { seconds: 1 }),
  fan(40, { seconds: 2, joined: true }),
  diamonds(4, 6, { seconds: 1 }),
  // Large enough to be read in a thread.
  diamonds(12, 24),
]

test('every trace of a folder is carried through, in an order that it allows', async () => {
  for (const shape of shapes) writeFileSync(join(directory, `${shape.name}.json`), traceOf(shape))
  const { name } = shapes[1]!
  writeFileSync(join(directory, `${name}.json.gz`), gzipSync(traceOf(shapes[1]!)))
  const args = ['--agents', '3', '--time-scale', '0.01', '--json']
  const { code, out, err } = await runSkein('bench', 'trace', directory, ...args)
  assert.equal(code, exitCodes.done, `${err}\n${out}`)
  const { results } = JSON.parse(out) as { results: Figure[] }
  const figure = (metric: string) => results.find((one) => one.metric === metric)
  assert.equal(figure('complete')?.value, shapes.length + 1)
  assert.equal(figure('violations of the order')?.value, 0)
  const stages = [...shapes, shapes[1]!].reduce((sum, { nodes }) => sum + nodes.length, 0)
  assert.equal(figure('tasks')?.value, stages)
  for (const shape of shapes) assert.ok(err.includes(`${shape.name}.json: `), shape.name)
})

test('one that is no trace is told of, and the others are carried through', async () => {
  const bad = mkdtempSync(join(directory, 'bad-'))
  writeFileSync(join(bad, 'a.json'), '{"name":"none"}')
  writeFileSync(join(bad, 'b.json'), traceOf(chain(3)))
  const args = ['--agents', '1', '--json']
  const { code, out, err } = await runSkein('bench', 'trace', bad, ...args)
  assert.equal(code, exitCodes.failed)
  assert.match(err, /NOT COMPLETE: .*a\.json/)
  assert.match(err, /b\.json: 3 tasks, 2 edges, .* complete, 0 violations/)
  const { results } = JSON.parse(out) as { results: Figure[] }
  assert.deepEqual(
    results.filter(({ metric }) => metric === 'complete').map(({ value, unit }) => [value, unit]),
    [[1, 'of 2']],
  )
})
