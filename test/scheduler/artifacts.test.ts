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

test('a new leader knows of them by the records of attempts', () => {
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
  mesh.start(put, {}, { retry: { run: first, keep: ['a'] } })
  mesh.run()
  assert.equal(given.get('b')?.[0]?.manifest, `${first}-a-`)
})
