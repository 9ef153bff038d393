/** What holds of every plan, against oracles that are slow and plain. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Hosts } from '../../coordinator/placement/hosts.ts'
import { planHash } from '../../coordinator/planning/hash.ts'
import type { Plan } from '../../coordinator/planning/plan.ts'
import { hostList } from '../placement/arbitraries.ts'
import { parsed } from '../workflow/stage.ts'
import { hostsOf, planned, withStages } from './planned.ts'

interface Sketch {
  readonly needs: readonly number[]
  readonly isConditional: boolean
  readonly isOptional: boolean
  readonly ms: number
}

/** Stage i needs only stages before it. */
const sketches: fc.Arbitrary<readonly Sketch[]> = fc
  .array(
    fc.record({
      needs: fc.array(fc.nat(), { maxLength: 4 }),
      isConditional: fc.integer({ min: 0, max: 4 }).map((n) => n === 0),
      isOptional: fc.integer({ min: 0, max: 4 }).map((n) => n === 0),
      ms: fc.integer({ min: 1, max: 50 }),
    }),
    { minLength: 1, maxLength: 10 },
  )
  .map((all) =>
    all.map((sketch, i) => ({
      ...sketch,
      needs: i === 0 ? [] : [...new Set(sketch.needs.map((need) => need % i))],
    })),
  )

function textOf(all: readonly Sketch[]): string {
  const lines = all.map(({ needs, isConditional, isOptional }, i) => {
    const parts = [`needs: [${needs.map((need) => `s${need}`).join(', ')}]`, 'run: x']
    if (isConditional) parts.push(`if: '\${{ run.startedBy == "ann" }}'`)
    if (isOptional) parts.push('optional: true')
    return `  s${i}: { ${parts.join(', ')} }\n`
  })
  return withStages(lines.join(''))
}

const numberOf = (name: string) => Number(name.slice(1))

test('the critical path is the longest of all ways, by time', () => {
  fc.assert(
    fc.property(sketches, (all) => {
      const plan = planned(textOf(all), { expectedMs: ({ name }) => all[numberOf(name)]!.ms })
      const longest = (i: number): number => all[i]!.ms + Math.max(0, ...all[i]!.needs.map(longest))
      const { stages, basis, lengthMs } = plan.criticalPath
      assert.equal(basis, 'time')
      assert.equal(lengthMs, Math.max(...all.keys().map(longest)))
      assert.equal(
        stages.reduce((sum, name) => sum + all[numberOf(name)]!.ms, 0),
        lengthMs,
      )
      stages.slice(1).forEach((name, i) => {
        assert.ok(all[numberOf(name)]!.needs.includes(numberOf(stages[i]!)))
      })
    }),
    { numRuns: 150 },
  )
})

test('every stage comes after all that it needs, and once', () => {
  fc.assert(
    fc.property(sketches, (all) => {
      const plan = planned(textOf(all))
      const place = new Map(plan.stages.map(({ name }, i) => [name, i]))
      assert.equal(place.size, all.length)
      for (const { name, needs } of plan.stages) {
        for (const need of needs) assert.ok(place.get(need)! < place.get(name)!)
      }
      assert.equal(
        plan.widths.reduce((sum, width) => sum + width, 0),
        all.length,
      )
    }),
    { numRuns: 100 },
  )
})

type Fate = 'succeeded' | 'failed' | 'skipped' | 'cancelled'

/** What becomes of all stages, as the language says, when each by itself would fare so. */
function fatesOf(
  all: readonly Pick<Sketch, 'needs' | 'isOptional' | 'isConditional'>[],
  own: readonly ('succeeded' | 'failed' | 'skipped')[],
): Fate[] {
  const fates: Fate[] = []
  all.forEach(({ needs, isConditional }, i) => {
    const isBad = (need: number) =>
      !all[need]!.isOptional && (fates[need] === 'failed' || fates[need] === 'cancelled')
    if (needs.some(isBad)) fates.push('cancelled')
    else if (needs.length > 0 && needs.every((need) => fates[need] === 'skipped')) {
      fates.push('skipped')
    } else if (own[i] === 'skipped') fates.push(isConditional ? 'skipped' : 'succeeded')
    else fates.push(own[i]!)
  })
  return fates
}

test('a need that is hinted at can go: reach, and the fate of every stage, stay the same', () => {
  let hinted = 0
  const fate = fc.constantFrom('succeeded' as const, 'failed' as const, 'skipped' as const)
  fc.assert(
    fc.property(sketches, fc.array(fate, { minLength: 10, maxLength: 10 }), (all, own) => {
      const { hints } = planned(textOf(all))
      for (const { code, stage, message } of hints) {
        if (code !== 'needlessNeed') continue
        hinted++
        const gone = numberOf(/it need not name (s\d+)/.exec(message)![1]!)
        const at = numberOf(stage)
        const without = all.map((sketch, i) =>
          i === at ? { ...sketch, needs: sketch.needs.filter((need) => need !== gone) } : sketch,
        )
        const reach = (of: readonly Sketch[], from: number): Set<number> =>
          new Set(of[from]!.needs.flatMap((need) => [need, ...reach(of, need)]))
        assert.deepEqual([...reach(without, at)].sort(), [...reach(all, at)].sort())
        assert.deepEqual(fatesOf(without, own), fatesOf(all, own))
      }
    }),
    { numRuns: 1_500 },
  )
  assert.ok(hinted > 50, `only ${hinted} hints were tried`)
})

test('a plan is the same each time, and puts stages only where nothing refuses them', () => {
  fc.assert(
    fc.property(sketches, hostList, (all, list) => {
      const hosts = new Hosts(list)
      const plan = planned(textOf(all), { hosts })
      assert.deepEqual(planned(textOf(all), { hosts }), plan)
      const [kind] = plan.kinds
      assert.equal(kind!.verdicts!.length, list.length)
      for (const stage of plan.stages) check(stage, kind!)
    }),
    { numRuns: 150 },
  )
  function check({ place }: Plan['stages'][number], kind: Plan['kinds'][number]) {
    if (place.by === 'nobody') return assert.deepEqual(kind.eligible, [])
    assert.ok(kind.eligible.length > 0)
    if (place.by !== 'host') return assert.equal(place.by, 'later')
    for (const { node } of place.hosts) {
      assert.ok(kind.eligible.includes(node))
      assert.deepEqual(kind.verdicts!.find((verdict) => verdict.node === node)!.refusals, [])
    }
  }
})

const placed = withStages(`
  a: { run: x, resources: { cpu: 2 }, where: { labels: { zone: a } } }
  b: { needs: [a], run: x, where: { expression: node.load < 0.5 && node.cpu > 1.0 } }
`)

test('load, what is set aside and suspicion do not change the hash; who could run it does', () => {
  const workflow = parsed(placed)
  const hash = (hosts: Hosts) => planHash(workflow, {}, hosts)
  const base = hash(hostsOf({}, {}))
  assert.equal(planned(placed, { hosts: hostsOf({}, {}) }).hash, base)
  const busy = hostsOf({ load: { cpu: 1, ageMs: 9e9, intervalMs: 1 } }, { state: 'suspect' })
  for (let i = 0; i < 8; i++) busy.setAside('id-1', { cpu: 4, custom: {} })
  assert.equal(hash(busy), base)
  assert.equal(
    hash(hostsOf({ memoryBytes: 1, version: '9' }, { labels: { zone: 'a', x: 'y' } })),
    base,
  )
  const moved: Hosts[] = [
    hostsOf({}),
    hostsOf({}, {}, {}),
    hostsOf({}, { state: 'dead' }),
    hostsOf({}, { drained: { by: '', reason: '' } }),
    hostsOf({}, { labels: { zone: 'b' } }),
    hostsOf({}, { cores: 1 }),
  ]
  for (const world of moved) assert.notEqual(hash(world), base)
  assert.equal(
    new Set(moved.map(hash)).size,
    3,
    'the same hosts are the same, whatever took the others',
  )
})

test('the hash is of the inputs and the workflow, and not of the order of hosts', () => {
  const text = `apiVersion: skein/v1
kind: Workflow
name: w
inputs: { n: { type: integer, default: 1 } }
stages: { a: { run: 'echo \${{ inputs.n }}' } }
`
  const workflow = parsed(text)
  const hosts = hostsOf({}, {})
  const turned = new Hosts([...hosts.all()].reverse())
  assert.equal(planHash(workflow, { n: 1 }, turned), planHash(workflow, { n: 1 }, hosts))
  assert.notEqual(planHash(workflow, { n: 2 }, hosts), planHash(workflow, { n: 1 }, hosts))
  const other = parsed(text.replace('echo', 'print'))
  assert.notEqual(planHash(other, { n: 1 }, hosts), planHash(workflow, { n: 1 }, hosts))
})
