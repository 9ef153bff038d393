import assert from 'node:assert/strict'
import test from 'node:test'
import type { ContentHash } from '../../protocol/artifacts/hashes.ts'
import type { Assignment } from '../../protocol/work/attempt.ts'
import { withStages } from '../workflow/stage.ts'
import { type Fate, fails, host, Mesh } from './mesh.ts'

function makes(bytes: number, { id }: Assignment, afterMs = 10): Fate {
  const manifest = `${id.run}-${id.stage}-${id.item ?? ''}` as ContentHash
  const artifacts = { manifest, files: 1, bytes }
  return { afterMs, outcome: { kind: 'succeeded', value: { artifacts } } }
}

function watched(options: ConstructorParameters<typeof Mesh>[0] = {}) {
  const given = new Map<string, Assignment['artifactsFrom']>()
  const nodes = new Map<string, string>()
  const mesh: Mesh = new Mesh({
    fates: (assignment) => makes(1_000, assignment),
    ...options,
    onAssign: ({ id, artifactsFrom }, node) => {
      given.set(id.stage, artifactsFrom)
      nodes.set(id.item === undefined ? id.stage : `${id.stage}/${id.item}`, node)
    },
  })
  return { mesh, given, nodes }
}

const chain = withStages(`  a: { run: x, artifacts: [dist] }
  b: { needs: [a], run: x, artifactsFrom: [a] }
  c: { needs: [b], run: x, artifactsFrom: [a] }
`)

test('a stage is told what files it takes over, and who has them', () => {
  const { mesh, given, nodes } = watched()
  const run = mesh.start(chain)
  mesh.run()
  assert.equal(mesh.state(run), 'succeeded')
  const source = { stage: 'a', manifest: `${run}-a-` }
  assert.deepEqual(given.get('a'), [])
  assert.deepEqual(given.get('b'), [{ ...source, holders: [nodes.get('a')] }])
  // Who took them over has them too.
  const holders = [...new Set([nodes.get('a'), nodes.get('b')])]
  assert.deepEqual(given.get('c'), [{ ...source, holders }])
})

test('a new leader knows of them by the ledger', () => {
  const { mesh, given, nodes } = watched({
    fates: (assignment) => makes(1_000, assignment, assignment.id.stage === 'b' ? 5_000 : 10),
  })
  const run = mesh.start(chain)
  mesh.run(1_000)
  mesh.changeLeader()
  mesh.run()
  assert.deepEqual(
    given.get('c')?.map(({ manifest, holders }) => [manifest, holders[0]]),
    [[`${run}-a-`, nodes.get('a')]],
  )
})

test('items hand on in their order, and a fallback in the place of its stage', () => {
  const { mesh, given } = watched({
    fates: (assignment) =>
      assignment.id.stage === 'broken' ? fails('bug') : makes(1_000, assignment),
  })
  const run = mesh.start(
    withStages(`  many: { run: x, forEach: [1, 2, 3], artifacts: [dist] }
  broken: { run: x, artifacts: [dist], fallback: help }
  help: { run: x, artifacts: [dist] }
  z: { needs: [many, broken], run: x, artifactsFrom: [many, broken] }
`),
  )
  mesh.run()
  assert.deepEqual(
    given.get('z')?.map(({ stage, manifest }) => [stage, manifest]),
    [
      ['many', `${run}-many-0`],
      ['many', `${run}-many-1`],
      ['many', `${run}-many-2`],
      ['broken', `${run}-help-`],
    ],
  )
})

test('a stage goes where its files are', () => {
  const { mesh, nodes } = watched({
    hosts: ['a', 'b', 'c', 'd', 'e'].map((id) => host(id)),
    fates: (assignment) => makes(2 ** 30, assignment),
  })
  for (let i = 0; i < 5; i++) {
    mesh.start(chain)
    mesh.run()
    assert.equal(nodes.get('b'), nodes.get('a'))
  }
})

test('a run that does another again takes over what the kept stages made', () => {
  const { mesh, given } = watched()
  const put = mesh.put(chain)
  const first = mesh.start(put)
  mesh.run()
  const second = mesh.start(put, {}, { retry: { run: first, keep: ['a'] } })
  mesh.run()
  assert.equal(given.get('b')?.[0]?.manifest, `${first}-a-`)
  assert.equal(mesh.unit(second, 'a')?.artifacts?.[0]?.manifest, `${first}-a-`)
  // Who has made them keeps them for this run too.
  const { node } = mesh.unit(first, 'a')!
  assert.deepEqual(mesh.kept, [{ kind: 'keep', node, run: second, manifests: [`${first}-a-`] }])
})

test('what was taken over is taken over again, items and all, whoever leads', () => {
  const { mesh, given, nodes } = watched()
  const put = mesh.put(
    withStages(`  many: { run: x, forEach: [1, 2, 3], artifacts: [dist] }
  z: { needs: [many], run: x, artifactsFrom: [many] }
`),
  )
  const keep = ['many']
  const first = mesh.start(put)
  mesh.run()
  const made = given.get('z')?.map(({ manifest, holders }) => [manifest, holders[0]])
  assert.deepEqual(
    made,
    [0, 1, 2].map((item) => [`${first}-many-${item}`, nodes.get(`many/${item}`)]),
  )
  const second = mesh.start(put, {}, { retry: { run: first, keep } })
  mesh.run()
  const third = mesh.start(put, {}, { retry: { run: second, keep } })
  mesh.fates = (assignment) => makes(1_000, assignment, 5_000)
  mesh.run(1_000)
  mesh.changeLeader()
  mesh.run()
  assert.equal(mesh.state(third), 'succeeded')
  assert.deepEqual(
    given.get('z')?.map(({ manifest, holders }) => [manifest, holders[0]]),
    made,
  )
  assert.deepEqual(mesh.drops, [])
})

test('the ledger says which files a stage hands on, and who has made them', () => {
  const { mesh, nodes } = watched()
  const run = mesh.start(chain)
  mesh.run()
  assert.deepEqual(mesh.unit(run, 'a')?.artifacts, [
    { manifest: `${run}-a-`, files: 1, bytes: 1_000, node: nodes.get('a') },
  ])
})

test('files whose only host is gone are lost: tried again, and then said to be lost', () => {
  const retry = 'retry: { per: { lost: { attempts: 2 } } }'
  const { mesh, nodes } = watched({
    hosts: ['a', 'b'].map((id) => host(id)),
    fates: (assignment) =>
      assignment.id.stage === 'a'
        ? makes(1_000, assignment)
        : {
            afterMs: 10,
            outcome: {
              kind: 'failed',
              value: { errorClass: 'transient', code: 'unreachable', message: 'no answer' },
            },
          },
  })
  const run = mesh.start(
    withStages(`  a: { run: x, artifacts: [dist] }
  w: { needs: [a], wait: 1m }
  b: { needs: [w], run: x, artifactsFrom: [a], ${retry} }
`),
  )
  mesh.run(10_000)
  const maker = nodes.get('a')!
  mesh.killHost(maker)
  mesh.run()
  assert.equal(mesh.state(run), 'failed')
  const { errorClass, why, attempt } = mesh.unit(run, 'b')!
  assert.equal(errorClass, 'lost')
  assert.equal(attempt, 2)
  assert.ok(why?.includes(`the files of a (${run}-a-) were on ${maker}, which is gone`), why)
  assert.ok(why?.includes(`skein runs retry ${run} --from a`), why)
})

test('who has a copy is asked when the host that made the files is gone', () => {
  const { mesh, given, nodes } = watched({ hosts: ['a', 'b', 'c'].map((id) => host(id)) })
  const run = mesh.start(
    withStages(`  a: { run: x, artifacts: [dist] }
  b: { needs: [a], run: x, artifactsFrom: [a], where: { antiAffinity: { stages: [a], required: true } } }
  w: { needs: [b], wait: 1m }
  c: { needs: [w], run: x, artifactsFrom: [a] }
`),
  )
  mesh.run(10_000)
  mesh.killHost(nodes.get('a')!)
  mesh.run()
  assert.equal(mesh.state(run), 'succeeded')
  assert.deepEqual(given.get('c')?.[0]?.holders, [nodes.get('b'), nodes.get('a')])
})

test('a new leader knows who has taken files over, and asks only hosts that are there', () => {
  const { mesh, given, nodes } = watched({ hosts: ['a', 'b', 'c'].map((id) => host(id)) })
  const far = 'where: { antiAffinity: { stages: [a], required: true } }'
  const run = mesh.start(
    withStages(`  a: { run: x, artifacts: [dist] }
  b: { needs: [a], run: x, artifactsFrom: [a], ${far} }
  w: { needs: [b], wait: 1m }
  c: { needs: [w], run: x, artifactsFrom: [a] }
  v: { needs: [c], wait: 1m }
  d: { needs: [v], run: x, artifactsFrom: [a] }
`),
  )
  mesh.run(10_000)
  const [maker, taker] = [nodes.get('a')!, nodes.get('b')!]
  mesh.changeLeader()
  mesh.run(60_000)
  assert.deepEqual(given.get('c')?.[0]?.holders, [maker, taker])
  mesh.killHost(taker)
  mesh.run()
  assert.equal(mesh.state(run), 'succeeded')
  const holders = given.get('d')?.[0]?.holders
  assert.equal(holders?.[0], maker)
  assert.ok(!holders?.includes(taker as never))
})

test('a stage that asks for the files of too many attempts fails, and says so', () => {
  const { mesh } = watched()
  const run = mesh.start(
    withStages(`  many: { run: x, forEach: [${Array.from({ length: 600 }, (_, i) => i)}], artifacts: [dist] }
  z: { needs: [many], run: x, artifactsFrom: [many] }
`),
  )
  mesh.run()
  assert.equal(mesh.unit(run, 'z')?.errorClass, 'input')
  assert.match(mesh.unit(run, 'z')?.why ?? '', /files of 600 attempts, and 512 are the most/)
})
