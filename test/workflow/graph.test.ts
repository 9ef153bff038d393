/** Graphs against oracles that are slow and plain: all ways are walked, all pairs compared. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { areAncestors, redundantNeeds } from '../../protocol/workflow/graph/ancestry.ts'
import { type Graph, graphOf } from '../../protocol/workflow/graph/graph.ts'
import { topologicalOrder } from '../../protocol/workflow/graph/order.ts'
import {
  bottlenecksOf,
  criticalPath,
  levelsOf,
  tracksOf,
} from '../../protocol/workflow/graph/paths.ts'
import { structureOf } from '../../protocol/workflow/structure.ts'
import { example, parsed } from './stage.ts'

/** Needs of each node, without circles: only of nodes before it, then shuffled by name. */
const dag = fc
  .array(fc.array(fc.nat(), { maxLength: 4 }), { maxLength: 14 })
  .chain((raw) =>
    fc.tuple(fc.constant(raw), fc.shuffledSubarray([...raw.keys()], { minLength: raw.length })),
  )
  .map(([raw, names]) => {
    const needs: number[][] = raw.map(() => [])
    raw.forEach((each, i) => {
      if (i > 0) needs[names[i]!] = [...new Set(each.map((at) => names[at % i]!))]
    })
    return needs
  })

const anyGraph = fc
  .array(fc.array(fc.nat(), { maxLength: 3 }), { minLength: 1, maxLength: 12 })
  .map((raw) => raw.map((each) => [...new Set(each.map((at) => at % raw.length))]))

function orderOf(graph: Graph): Int32Array {
  const result = topologicalOrder(graph)
  assert.ok(result.ok)
  return result.order
}

/** Everything before a node, by walking. */
function ancestors(needs: readonly number[][], node: number): Set<number> {
  const found = new Set<number>()
  const walk = (of: number) => {
    for (const need of needs[of]!) {
      if (!found.has(need)) {
        found.add(need)
        walk(need)
      }
    }
  }
  walk(node)
  return found
}

test('an order has every node once, and each after all that it needs', () => {
  fc.assert(
    fc.property(dag, (needs) => {
      const order = [...orderOf(graphOf(needs))]
      assert.deepEqual(
        [...order].sort((a, b) => a - b),
        [...needs.keys()],
      )
      order.forEach((node, place) => {
        for (const need of needs[node]!) assert.ok(order.indexOf(need) < place)
      })
    }),
  )
})

test('there is an order, or there are circles: each is one, and every knot has one', () => {
  fc.assert(
    fc.property(anyGraph, (needs) => {
      const result = topologicalOrder(graphOf(needs))
      const knotted = needs.flatMap((_, node) => (ancestors(needs, node).has(node) ? [node] : []))
      assert.equal(result.ok, knotted.length === 0)
      if (result.ok) return
      for (const cycle of result.cycles) {
        cycle.forEach((node, i) => {
          assert.ok(needs[node]!.includes(cycle[(i + 1) % cycle.length]!))
        })
        assert.equal(new Set(cycle).size, cycle.length)
        assert.equal(cycle[0], Math.min(...cycle))
      }
      for (const node of knotted) {
        const knot = knotted.filter(
          (other) => ancestors(needs, node).has(other) && ancestors(needs, other).has(node),
        )
        assert.ok(result.cycles.some((cycle) => knot.includes(cycle[0]!)))
      }
    }),
    { numRuns: 500 },
  )
})

test('ancestors are those that a walk finds', () => {
  fc.assert(
    fc.property(dag, (needs) => {
      const graph = graphOf(needs)
      const nodes = [...needs.keys()]
      const pairs = nodes.flatMap((node) => nodes.map((ancestor) => ({ ancestor, node })))
      assert.deepEqual(
        areAncestors(graph, orderOf(graph), pairs),
        pairs.map(({ ancestor, node }) => ancestors(needs, node).has(ancestor)),
      )
    }),
  )
})

test('a redundant need can be left out without changing who comes before whom, and no other can', () => {
  fc.assert(
    fc.property(dag, (needs) => {
      const graph = graphOf(needs)
      const { redundant, complete } = redundantNeeds(graph, orderOf(graph), 1e6)
      assert.ok(complete)
      const told = new Set(redundant.map(({ node, need }) => `${node} ${need}`))
      needs.forEach((each, node) => {
        for (const need of each) {
          const without = needs.map((of, i) =>
            i === node ? of.filter((other) => other !== need) : of,
          )
          assert.equal(ancestors(without, node).has(need), told.has(`${node} ${need}`))
        }
      })
    }),
  )
})

test('the critical path is as long as the longest of all ways, and slack is what each may lose', () => {
  fc.assert(
    fc.property(
      dag,
      fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 14, maxLength: 14 }),
      (needs, durations) => {
        const graph = graphOf(needs)
        const order = orderOf(graph)
        const longest = (node: number, of: readonly number[]): number =>
          of[node]! + Math.max(0, ...needs[node]!.map((need) => longest(need, of)))
        const whole = (of: readonly number[]) =>
          Math.max(0, ...needs.map((_, node) => longest(node, of)))
        const { nodes, lengthMs, slackMs, startMs } = criticalPath(graph, order, durations)
        assert.equal(lengthMs, whole(durations))
        assert.equal(
          nodes.reduce((sum, node) => sum + durations[node]!, 0),
          lengthMs,
        )
        nodes.forEach((node, i) => {
          if (i > 0) assert.ok(needs[node]!.includes(nodes[i - 1]!))
          assert.equal(slackMs[node], 0)
        })
        needs.forEach((_, node) => {
          assert.equal(startMs[node], longest(node, durations) - durations[node]!)
          const slower = (by: number) =>
            whole(durations.map((each, i) => (i === node ? each + by : each)))
          assert.equal(slower(slackMs[node]!), lengthMs)
          assert.ok(slower(slackMs[node]! + 1) > lengthMs)
        })
      },
    ),
  )
})

test('levels count every node, tracks are chains, and a bottleneck is beside nothing', () => {
  fc.assert(
    fc.property(dag, (needs) => {
      const graph = graphOf(needs)
      const order = orderOf(graph)
      const { of, widths } = levelsOf(graph, order)
      assert.equal(
        widths.reduce((sum, width) => sum + width, 0),
        needs.length,
      )
      needs.forEach((each, node) => {
        assert.equal(of[node], Math.max(-1, ...each.map((need) => of[need]!)) + 1)
      })
      const dependants = needs.map((_, node) =>
        needs.flatMap((each, by) => (each.includes(node) ? [by] : [])),
      )
      const tracks = tracksOf(graph, order)
      assert.equal(new Set(tracks.of).size, tracks.count)
      needs.forEach((each, node) => {
        const [only] = each
        const joined = each.length === 1 && dependants[only!]!.length === 1
        if (joined) assert.equal(tracks.of[node], tracks.of[only!])
      })
      const before = needs.map((_, node) => ancestors(needs, node))
      const expected = needs.flatMap((each, node) => {
        const alone = needs.every(
          (_, o) => o === node || before[node]!.has(o) || before[o]!.has(node),
        )
        return alone && each.length > 1 && dependants[node]!.length > 1 ? [node] : []
      })
      assert.deepEqual(
        bottlenecksOf(graph, order).sort((a, b) => a - b),
        expected,
      )
    }),
    { numRuns: 500 },
  )
})

test('the structure of a workflow names its stages', () => {
  const structure = structureOf(parsed(example('diamond.yaml')).stages, ({ name }) =>
    name === 'right' ? 5 : 1,
  )
  assert.deepEqual(structure.order, ['start', 'left', 'right', 'middle', 'east', 'west', 'end'])
  assert.deepEqual(structure.widths, [1, 2, 1, 2, 1])
  assert.deepEqual(structure.criticalPath, ['start', 'right', 'middle', 'east', 'end'])
  assert.equal(structure.criticalPathMs, 9)
  assert.equal(structure.slackMs.get('left'), 4)
  assert.deepEqual(structure.bottlenecks, ['middle'])
  assert.deepEqual(structure.redundant, [{ stage: 'end', need: 'middle' }])
  assert.deepEqual(
    structure.tracks.map((track) => track.join(' ')),
    ['start', 'left', 'right', 'middle', 'east', 'west', 'end'],
  )
})

test('a hundred thousand stages in a chain, a fan or a mesh are walked without recursion', () => {
  const size = 100_000
  const shapes: Record<string, (i: number) => number[]> = {
    chain: (i) => (i > 0 ? [i - 1] : []),
    fan: (i) =>
      i === 0 ? [] : i < size - 1 ? [0] : Array.from({ length: size - 2 }, (_, k) => k + 1),
    mesh: (i) => [...new Set([i - 1, i - 7, Math.floor(i / 2)])].filter((at) => at >= 0 && at < i),
  }
  for (const [shape, needs] of Object.entries(shapes)) {
    const graph = graphOf(Array.from({ length: size }, (_, i) => needs(i)))
    const order = orderOf(graph)
    const path = criticalPath(graph, order, new Float64Array(size).fill(1))
    assert.equal(path.lengthMs, shape === 'fan' ? 3 : size)
    assert.equal(levelsOf(graph, order).widths.length, path.lengthMs)
    assert.equal(tracksOf(graph, order).count > 0, true)
    bottlenecksOf(graph, order)
    // Hints stop when they have cost enough, and say so.
    assert.equal(redundantNeeds(graph, order, 20_000_000).complete, shape === 'chain')
  }
  const ring = graphOf(Array.from({ length: size }, (_, i) => [(i + 1) % size]))
  const round = topologicalOrder(ring)
  assert.ok(!round.ok && round.cycles.length === 1 && round.cycles[0]!.length === size)
})
