/** What counts as work of one kind: the shape of a command, and never the values in it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { levelsOf } from '../../models/profiles/levels.ts'
import { fingerprintOf, isFingerprint } from '../../protocol/work/fingerprint.ts'
import { workLimits } from '../../protocol/work/limits.ts'
import { parseWorkflow } from '../../protocol/workflow/parse.ts'

/** Of a workflow with this one stage. */
function of(stage: string): string | undefined {
  const text = `apiVersion: skein/v1\nkind: Workflow\nname: w\ninputs: { v: { type: string, default: a } }\nstages:\n  s: ${stage}\n`
  const parsed = parseWorkflow(
    text.replace('ONE', `\${{ inputs.v }}`).replace('OTHER', `\${{ run.id }}`),
  )
  assert.ok(parsed.ok, JSON.stringify(parsed))
  return fingerprintOf(parsed.workflow.stages[0]!)
}

const same: readonly [string, string, string][] = [
  ['values of a script', '{ run: "make dist V=ONE" }', '{ run: "make dist V=OTHER" }'],
  ['values of a program', '{ run: [make, "ONE"] }', '{ run: [make, "OTHER"] }'],
  ['tries and times', '{ run: make, retry: { attempts: 3 } }', '{ run: make, timeout: 1m }'],
  ['who asks over HTTP', '{ http: { url: "http://u:p@a/b" } }', '{ http: { url: "http://a/b" } }'],
  ['variables', '{ run: make, env: { A: b } }', '{ run: make }'],
]

for (const [what, one, other] of same) {
  test(`${what} do not make another kind of work`, () => assert.equal(of(one), of(other)))
}

const different: readonly [string, string, string][] = [
  ['another script', '{ run: make dist }', '{ run: make test }'],
  ['another argument that is always there', '{ run: [sleep, "1"] }', '{ run: [sleep, "100"] }'],
  ['a script and a program', '{ run: make }', '{ run: [make] }'],
  ['resources', '{ run: make, resources: { cpu: 2 } }', '{ run: make, resources: { cpu: 4 } }'],
  ['an image', '{ container: { image: "a:1" } }', '{ container: { image: "a:2" } }'],
  [
    'what a function is given',
    '{ function: "skein:sleep", with: { for: 1s } }',
    '{ function: "skein:sleep", with: { for: 9s } }',
  ],
  ['a method', '{ http: { url: "http://a/b" } }', '{ http: { url: "http://a/b", method: PUT } }'],
]

for (const [what, one, other] of different) {
  test(`${what}: another kind of work`, () => assert.notEqual(of(one), of(other)))
}

test('a fingerprint names the program that people would name', () => {
  const named = [
    ['{ run: "set -e\\ncd /src && A=1 /usr/bin/make dist" }', 'script/make'],
    ['{ run: [/usr/bin/rsync, -a, x, y] }', 'program/rsync'],
    ['{ http: { url: "https://ex.org:8080/a/ONE" } }', 'http/ex.org:8080'],
    ['{ http: { url: "https://user:p@ss@ex.org/a?b=c@d" } }', 'http/ex.org'],
    [`{ run: 'PASS="a b; c" X=1 cmd "d e"' }`, 'script/cmd'],
    [`{ run: "PASS='a b' cmd && other" }`, 'script/cmd'],
    ['{ run: "export PASS=\\"a && b\\"\\nNOW=$(date +%s) LIST=(a b)\\ncmd" }', 'script/cmd'],
    [`{ run: 'PASS="a \\" b" cmd' }`, 'script/cmd'],
    ['{ container: { image: "docker.io/library/node:24" } }', 'container/node'],
    ['{ function: "/opt/f.mjs" }', 'function/f.mjs'],
  ] as const
  for (const [stage, begins] of named) {
    const found = of(stage) ?? ''
    assert.ok(found.startsWith(`${begins}/`), `${found} of ${stage}`)
    assert.ok(isFingerprint(found), found)
    assert.ok(Buffer.byteLength(found) <= workLimits.fingerprintBytesMax)
  }
})

test('a long script of quotes that are never closed is looked through at once', () => {
  const before = process.threadCpuUsage()
  for (const piece of ['A="', ` A="\\" `, `A='" `, 'A=(', 'A=$(( ', 'A="$(x ']) {
    const found = of(JSON.stringify({ run: piece.repeat(4_000) }))
    assert.ok(found !== undefined && isFingerprint(found), found)
  }
  const { user, system } = process.threadCpuUsage(before)
  assert.ok(user + system < 5_000_000, 'microseconds of a core')
})

test('of what takes no time, and of what no agent does, there is none', () => {
  for (const stage of [
    '{ function: "skein:noop" }',
    '{ wait: 1s }',
    '{ approve: { roles: [approver] } }',
  ]) {
    assert.equal(of(stage), undefined, stage)
  }
})

test('what may speak for a task goes from the same to the similar', () => {
  const keys = levelsOf('w', 'script/make/0123456789/abcdef').map(({ source, key }) => [
    source,
    key,
  ])
  assert.deepEqual(keys, [
    ['history', 'w script/make/0123456789/abcdef'],
    ['elsewhere', 'script/make/0123456789/abcdef'],
    ['shape', 'script/make/0123456789'],
    ['program', 'script/make'],
  ])
  assert.equal(levelsOf('w', 'script/make/0123456789').length, 3)
})
