/** Files on their way through real agents: made on one host, read on another, brought to a person. */
import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { RunArtifacts } from '../../coordinator/api/artifact-schemas.ts'
import { RunDetail } from '../../coordinator/api/run-schemas.ts'
import { runSkeinIn } from './skein.ts'

const home = mkdtempSync(join(tmpdir(), 'skein-files-'))
const file = join(home, 'workflow.yaml')
const skein = (...args: string[]) => runSkeinIn({ SKEIN_HOME: home }, ...args)
const bigBytes = 5 * 1024 * 1024 + 7

before(async () => {
  writeFileSync(
    file,
    `apiVersion: skein/v1
kind: Workflow
name: handing
stages:
  build:
    run: |
      mkdir -p dist/sub
      echo one > dist/a
      printf '#!/bin/sh\\necho it runs\\n' > dist/sub/tool
      chmod +x dist/sub/tool
      head -c ${bigBytes} /dev/zero | tr '\\0' x > dist/big
      echo left > other
    artifacts: [dist/**, none/*]
  check:
    needs: [build]
    where: { antiAffinity: { stages: [build], required: true } }
    artifactsFrom: [build]
    run: |
      test ! -e other || exit 64
      said=$(./dist/sub/tool)
      size=$(tr -d '\\n' < dist/big | tr -d x | wc -c; wc -c < dist/big)
      printf '{"said":"%s","size":"%s"}' "$said $(cat dist/a)" "$(echo $size)" > "$SKEIN_OUTPUT"
`,
  )
  const { code, err } = await skein('up', '--nodes', '3', '--detach')
  assert.equal(code, 0, err)
})
after(async () => {
  await skein('down')
  rmSync(home, { recursive: true, force: true })
})

test('files of a stage are there for the next one on another host, and for people', async () => {
  const ran = await skein('run', file)
  assert.equal(ran.code, 0, ran.err + ran.out)
  const shown = await skein('runs', 'show', '@latest', '--json')
  const { run, stages } = RunDetail.parse(JSON.parse(shown.out))
  const [build, check] = stages
  assert.notEqual(build?.node, check?.node)
  assert.deepEqual(check?.outputs, { said: 'it runs one', size: `0 ${bigBytes}` })
  const handed = build?.artifacts?.[0]
  assert.deepEqual(
    [handed?.files, handed?.bytes, handed?.node],
    [3, bigBytes + 4 + 23, build?.node],
  )

  const listed = await skein('runs', 'artifacts', run.id, '--json')
  const { lists } = RunArtifacts.parse(JSON.parse(listed.out))
  assert.deepEqual(
    lists.map(({ stage, hosts }) => [stage, hosts.map(({ node }) => node)]),
    [['build', [build?.node, check?.node]]],
  )
  const files = await skein('runs', 'artifacts', run.id, 'build')
  assert.match(files.out, /dist\/sub\/tool/)
  const to = join(home, 'out')
  const saved = await skein('runs', 'artifacts', run.id, 'build', '--to', to)
  assert.equal(saved.code, 0, saved.err)
  assert.deepEqual(readdirSync(join(to, 'dist')).sort(), ['a', 'big', 'sub'])
  assert.equal(readFileSync(join(to, 'dist/big'), 'latin1'), 'x'.repeat(bigBytes))
  assert.ok((statSync(join(to, 'dist/sub/tool')).mode & 0o111) !== 0)

  const logs = await skein('runs', 'logs', run.id)
  assert.match(logs.out, /none\/\* takes no file/)

  const missing = await skein('runs', 'artifacts', run.id, 'build', '--to', to, '--file', 'dist/c')
  assert.equal(missing.code, 3)
  assert.match(missing.err, /no stage hands on a file dist\/c/)
})

test('a run that is done again from a stage takes over the files of those before it', async () => {
  const ran = await skein('runs', 'retry', '@latest', '--from', 'check')
  assert.equal(ran.code, 0, ran.err + ran.out)
  const shown = await skein('runs', 'show', '@latest', '--json')
  const { stages, retryOf } = RunDetail.parse(JSON.parse(shown.out))
  assert.ok(retryOf)
  assert.equal(stages[0]?.adopted, true)
  assert.equal(stages[0]?.artifacts?.[0]?.files, 3)
  assert.equal(stages[1]?.state, 'succeeded')
})
