/** Workloads: each is a valid workflow of the shape that its name says, and one seed makes one. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { readWfFormat } from '../../models/traces/wfformat.ts'
import { stageGraph } from '../../protocol/workflow/graph/workflow-graph.ts'
import type { Workflow } from '../../protocol/workflow/model.ts'
import { structureOf } from '../../protocol/workflow/structure.ts'
import { montage, secondsIn } from '../../simulations/workloads/montage.ts'
import { type Shape, type StageWork, workflowText } from '../../simulations/workloads/shape.ts'
import { chain, diamonds, fan, randomDag } from '../../simulations/workloads/shapes.ts'
import { SeededEntropy } from '../../simulations/world/entropy.ts'
import { survey } from '../import/stage.ts'
import { parsed } from '../workflow/stage.ts'

function workflowOf(shape: Shape, work: StageWork = 'none'): Workflow {
  return parsed(workflowText(shape, work))
}

const widthsOf = (workflow: Workflow) => structureOf(workflow.stages, () => 1).widths
const needsIn = (workflow: Workflow) => stageGraph(workflow.stages).needs.length

test('a chain has one stage after the other', () => {
  const workflow = workflowOf(chain(200))
  assert.deepEqual(widthsOf(workflow), new Array(200).fill(1))
  assert.deepEqual(workflow.stages.at(-1)?.needs, ['link-198'])
})

test('a fan is all at once, and between two when they are to be joined', () => {
  assert.deepEqual(widthsOf(workflowOf(fan(500))), [500])
  assert.deepEqual(widthsOf(workflowOf(fan(500, { joined: true }))), [1, 500, 1])
})

test('diamonds open and close as often as there are layers', () => {
  const workflow = workflowOf(diamonds(3, 4))
  assert.deepEqual(widthsOf(workflow), [1, 4, 1, 4, 1, 4, 1])
  assert.deepEqual(structureOf(workflow.stages, () => 1).bottlenecks, ['joint-5', 'joint-10'])
})

test('a random graph has about the share of pairs that it was asked for', () => {
  const needs = (density: number, size: number) =>
    needsIn(workflowOf(randomDag(new SeededEntropy(1), { size, density })))
  assert.equal(needs(0, 50), 0)
  assert.equal(needs(1, 50), (50 * 49) / 2)
  const some = needs(0.1, 400)
  assert.ok(some > 0.09 * 400 * 200 && some < 0.11 * 400 * 200, `${some}`)
})

test('any random graph is a workflow, and the same seed makes the same', () => {
  fc.assert(
    fc.property(
      fc.integer(),
      fc.integer({ min: 1, max: 60 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (seed, size, density) => {
        const make = () => randomDag(new SeededEntropy(seed), { size, density })
        assert.equal(workflowOf(make()).stages.length, size)
        assert.equal(workflowText(make(), 'none'), workflowText(make(), 'none'))
      },
    ),
    // A chance so small that one less it is one.
    { numRuns: 50, examples: [[0, 10, 5e-324]] },
  )
})

test('every pair of a random graph can be a need', () => {
  const seen = new Set<string>()
  for (let seed = 0; seed < 60; seed++) {
    const { nodes } = randomDag(new SeededEntropy(seed), { size: 6, density: 0.3 })
    for (const [i, { needs }] of nodes.entries()) for (const need of needs) seen.add(`${need}-${i}`)
  }
  assert.equal(seen.size, (6 * 5) / 2)
})

test('a montage has the tasks and needs that the program has', () => {
  const options = { images: 4, overlaps: 3, secondsOf: new Map() }
  const workflow = workflowOf(montage(new SeededEntropy(1), options))
  const counts = new Map<string, number>()
  for (const { name } of workflow.stages) {
    const kind = name.split('-')[0]!
    counts.set(kind, (counts.get(kind) ?? 0) + 1)
  }
  // Counted in a real one of 0.05 degrees.
  assert.deepEqual(Object.fromEntries(counts), {
    mProject: 12,
    mDiffFit: 18,
    mConcatFit: 3,
    mBgModel: 3,
    mBackground: 12,
    mImgtbl: 3,
    mAdd: 3,
    mViewer: 4,
  })
  assert.equal(needsIn(workflow), 114)
})

test('times of a montage are among those of its trace', () => {
  const read = readWfFormat(new TextDecoder().decode(survey))
  assert.ok(read.ok)
  const secondsOf = secondsIn(read.trace)
  assert.deepEqual(Object.fromEntries(secondsOf), { split: [12.5], map: [60.25, 40], join: [4e-7] })
  const drawn = new Map([
    ['mProject', [2, 3]],
    ['mAdd', [7]],
  ])
  const { nodes } = montage(new SeededEntropy(3), { images: 8, overlaps: 2, secondsOf: drawn })
  const of = (kind: string) =>
    new Set(nodes.filter((node) => node.kind === kind).map(({ seconds }) => seconds))
  assert.deepEqual(of('mProject'), new Set([2, 3]))
  assert.deepEqual(of('mAdd'), new Set([7]))
  assert.deepEqual(of('mViewer'), new Set([undefined]))
})

test('stages do what was asked for', () => {
  const step = (work: StageWork) => workflowOf(chain(1, { seconds: 0.5 }), work).stages[0]?.step
  assert.equal(step('none')?.kind, 'function')
  assert.equal(step('spin')?.kind, 'run')
  const program = step(['/bin/true'])
  assert.ok(program?.kind === 'run' && 'argv' in program)
  const { stages } = JSON.parse(workflowText(chain(1, { seconds: 0.5 }), 'sleep'))
  assert.deepEqual(stages['link-0'], { function: 'skein:sleep', with: { for: '500ms' } })
})

test('the largest workflows that may be are made', () => {
  assert.equal(workflowOf(fan(9_998, { joined: true })).stages.length, 10_000)
  assert.throws(() => workflowText(chain(10_001), 'none'), /a shape must fit a workflow/)
})
