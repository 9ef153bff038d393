/** What takes no time is done at the host that leads, as long as there is room. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { withStages } from '../workflow/stage.ts'
import { host, Mesh, succeeds } from './mesh.ts'

const idle = { load: { cpu: 0, ageMs: 0, intervalMs: 1_000 } }
const busy = { load: { cpu: 0.3, ageMs: 0, intervalMs: 1_000 } }

/** Where each stage went, of hosts of which the one that leads is the busiest. */
function placed(stages: string, lastsMs = 1): [stage: string, node: string][] {
  const places: [string, string][] = []
  const mesh = new Mesh({
    hosts: [host('a', idle), host('b', busy), host('c', idle)],
    near: 'b',
    fates: () => succeeds(undefined, lastsMs),
    onAssign: ({ id }, node) => places.push([id.stage, node]),
  })
  mesh.start(withStages(stages))
  mesh.run()
  return places
}

const noop = 'function: skein:noop'

function hostsOf(stages: string): string[] {
  return placed(stages).map(([, node]) => node)
}

test('one stage after another that takes no time goes to the host that leads', () => {
  const links = Array.from({ length: 9 }, (_, i) => `  s${i + 1}: { needs: [s${i}], ${noop} }\n`)
  const all = hostsOf(`  s0: { ${noop} }\n${links.join('')}`)
  assert.deepEqual(new Set(all), new Set(['b']))
  assert.equal(all.length, 10)
})

test('what takes its time goes where most room is, and so does what has files', () => {
  assert.notEqual(hostsOf('  s: { run: x }\n')[0], 'b')
  assert.notEqual(hostsOf('  s: { function: skein:sleep, with: { for: 1ms } }\n')[0], 'b')
  assert.notEqual(hostsOf(`  s: { ${noop}, artifacts: [x] }\n`)[0], 'b')
})

test('where it has to be elsewhere, it is', () => {
  assert.deepEqual(hostsOf(`  s: { ${noop}, where: { host: c } }\n`), ['c'])
})

test('many at once are dealt out to all hosts', () => {
  const stages = Array.from({ length: 60 }, (_, i) => `  s${i}: { ${noop} }\n`).join('')
  const counts = new Map<string, number>()
  for (const [, node] of placed(stages, 60_000)) counts.set(node, (counts.get(node) ?? 0) + 1)
  for (const node of ['a', 'b', 'c']) {
    const count = counts.get(node) ?? 0
    assert.ok(count >= 17 && count <= 23, `${node} has ${count} of 60`)
  }
})
