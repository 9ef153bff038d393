/** Hints, by example: what is told, and above all what is not. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { HostFacts } from '../../coordinator/placement/host-view.ts'
import { hostsOf, planned, withStages } from './planned.ts'

function hints(stages: string, ...hosts: Partial<HostFacts>[]): string[] {
  const given = hosts.length > 0 ? { hosts: hostsOf(...hosts) } : {}
  return planned(withStages(stages), given).hints.map(({ code, stage, message }) =>
    code === 'needlessNeed' ? `${code} ${stage}: ${message}` : `${code} ${stage}`,
  )
}

test('a need that another need implies is told, with the one that implies it', () => {
  assert.deepEqual(
    hints(`
  a: { run: x }
  b: { needs: [a], run: x }
  c: { needs: [a, b], run: x }
`),
    ['needlessNeed c: it need not name a: b, which it needs, comes after that'],
  )
})

test('a need stays where a stage between may be skipped, or may fail for nothing', () => {
  for (const between of [`if: '\${{ run.startedBy == "ann" }}'`, 'optional: true']) {
    assert.deepEqual(
      hints(`
  a: { run: x }
  b: { needs: [a], run: x, ${between} }
  c: { needs: [a, b], run: x }
`),
      [],
      between,
    )
  }
})

test('a branch is never told to leave out the stage that chooses it', () => {
  assert.deepEqual(
    hints(`
  pick: { choose: { cases: [{ when: run.startedBy == "ann", then: [left] }], otherwise: [right] } }
  left: { run: x }
  right: { run: x }
`),
    [],
  )
})

test('a stage through which everything goes is a bottleneck', () => {
  assert.deepEqual(
    hints(`
  a: { run: x }
  b: { run: x }
  all: { needs: [a, b], run: x }
  c: { needs: [all], run: x }
  d: { needs: [all], run: x }
`),
    ['bottleneck all'],
  )
})

test('in a chain no stage is a bottleneck, however many needs are written', () => {
  const told = hints(`
  a: { run: x }
  b: { needs: [a], run: x }
  c: { needs: [a, b], run: x }
  d: { needs: [b, c], run: x }
  e: { needs: [c, d], run: x }
`)
  assert.deepEqual(
    told.filter((hint) => hint.startsWith('bottleneck')),
    [],
  )
})

test('a stage that only one host could run is told, unless it names that host', () => {
  const zone = { labels: { zone: 'z' } }
  assert.deepEqual(hints('  a: { run: x, where: { labels: { zone: z } } }\n', {}, zone), [
    'singleHost a',
  ])
  assert.deepEqual(hints('  a: { run: x, where: { host: n2 } }\n', {}, zone), [])
  assert.deepEqual(hints('  a: { run: x, where: { labels: { zone: z } } }\n', zone), [])
})

test('artifacts that no stage fetches are told', () => {
  assert.deepEqual(
    hints(`
  a: { run: x, artifacts: [out/**] }
  b: { run: x, artifacts: [out/**] }
  c: { needs: [b], run: x, artifactsFrom: [b] }
`),
    ['unreadArtifacts a'],
  )
})

test('what no host could ever run is told, also where there is no host', () => {
  assert.deepEqual(hints('  a: { container: { image: alpine } }\n', { features: [] }), [
    'impossible a',
  ])
  assert.deepEqual(hints('  a: { run: x }\n', { state: 'dead' }), ['impossible a'])
  const file = '  a: { run: x, secrets: { KEY: { name: tls, as: file } } }\n'
  assert.deepEqual(hints(file, { noSecretFiles: 'all is on disks' }), ['impossible a'])
})

test('a step that no agent knows is told with what will refuse it, and has no place', () => {
  const plan = planned(
    withStages(`
  rb: { runbook: deploy, with: { percent: 5 } }
  fw: { needs: [rb], framework: pytest, fallback: other }
  gt: { needs: [fw], gate: slo }
  after: { needs: [gt], run: x }
  other: { gate: slo }
`),
  )
  assert.deepEqual(
    plan.hints.map(({ code, stage, message }) => `${code} ${stage}: ${message}`),
    [
      ['rb', 'runbook'],
      ['fw', 'framework'],
      ['gt', 'gate'],
      ['other', 'gate'],
    ].map(
      ([stage, kind]) =>
        `impossible ${stage}: it fails when it is its turn: agents of this version do not know steps of the kind ${kind}`,
    ),
  )
  const places = plan.stages.map(({ name, place }) => `${name} ${place.by}`).sort()
  assert.deepEqual(places, ['after host', 'fw nobody', 'gt nobody', 'other call', 'rb nobody'])
})

test('a workflow with a thousand needless needs tells the first and counts the others', () => {
  const stages = Array.from({ length: 200 }, (_, i) => {
    const needs = [i - 1, i - 2, i - 3].filter((need) => need >= 0).map((need) => `s${need}`)
    return `  s${i}: { needs: [${needs.join(', ')}], run: x }\n`
  })
  const plan = planned(withStages(stages.join('')))
  assert.equal(plan.hints.length, 50)
  assert.equal(plan.hintsUntold, 198 + 197 - 50)
})
