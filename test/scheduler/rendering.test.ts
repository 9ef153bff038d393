import assert from 'node:assert/strict'
import test from 'node:test'
import { encode } from '../../protocol/wire/codec.ts'
import type { Assignment } from '../../protocol/work/attempt.ts'
import { Assignment as AssignmentSchema } from '../../protocol/work/attempt.ts'
import { workLimits } from '../../protocol/work/limits.ts'
import { example, head, withStages } from '../workflow/stage.ts'
import { host, Mesh, succeeds } from './mesh.ts'

function assignmentsOf(
  text: string,
  inputs = {},
): { mesh: Mesh; run: string; of: Map<string, Assignment> } {
  const of = new Map<string, Assignment>()
  const mesh = new Mesh({
    onAssign: (assignment) => {
      encode(AssignmentSchema, assignment)
      of.set(assignment.id.stage, assignment)
    },
    fates: ({ id }) => succeeds({ passRate: 1, url: `made by ${id.stage}` }),
  })
  const run = mesh.start(text, inputs)
  mesh.run()
  return { mesh, run, of }
}

test('values of a script are variables, never a part of its text', () => {
  const { of } = assignmentsOf(
    `${head}inputs: { name: { type: string, default: "x; rm -rf /" } }
stages:
  a:
    run: echo \${{ inputs.name }} "and \${{ inputs.name }}"
    shell: bash
`,
  )
  assert.deepEqual(of.get('a')?.step, {
    kind: 'script',
    value: {
      shell: 'bash',
      text: `echo "\${SKEIN_VALUE_1}" "and \${SKEIN_VALUE_2}"`,
      variables: { SKEIN_VALUE_1: 'x; rm -rf /', SKEIN_VALUE_2: 'x; rm -rf /' },
    },
  })
})

test('programs, requests, functions and containers get their values', () => {
  const { of } = assignmentsOf(
    `${head}inputs: { v: { type: string, default: "1.2" }, n: { type: integer, default: 3 } }
stages:
  program: { run: [make, "V=\${{ inputs.v }}"], directory: "d-\${{ inputs.v }}" }
  request:
    http: { url: "https://example.org/\${{ inputs.v }}", method: POST, body: { n: "\${{ inputs.n }}" }, expect: [201] }
  call: { function: { module: /srv/m.js, export: run }, with: { n: "\${{ inputs.n }}", all: ["\${{ inputs.v }}"] } }
`,
  )
  assert.deepEqual(of.get('program')?.step, { kind: 'program', value: { argv: ['make', 'V=1.2'] } })
  assert.equal(of.get('program')?.directory, 'd-1.2')
  assert.deepEqual(of.get('request')?.step, {
    kind: 'http',
    value: {
      url: 'https://example.org/1.2',
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"n":3}',
      expect: [201],
    },
  })
  assert.deepEqual(of.get('call')?.step, {
    kind: 'function',
    value: { module: '/srv/m.js', export: 'run' },
  })
  assert.equal(of.get('call')?.with, '{"n":3,"all":["1.2"]}')
})

test('a container goes only where there are containers', () => {
  const of: string[] = []
  const mesh = new Mesh({
    hosts: [host('a', { features: [] }), host('b', { features: ['container'] })],
    onAssign: ({ step }, node) => of.push(`${step.kind} on ${node}`),
  })
  mesh.start(withStages('  a: { container: { image: x, command: [y] }, forEach: [1, 2, 3] }\n'))
  mesh.run()
  assert.deepEqual(of, ['container on b', 'container on b', 'container on b'])
})

test('a secret as a file goes only where there is a place in memory for it', () => {
  const of: string[] = []
  const mesh = new Mesh({
    hosts: [host('a', { noSecretFiles: 'all is on disks' }), host('b', {})],
    onAssign: ({ id }, node) => of.push(`${id.stage} on ${node}`),
  })
  const files = 'secrets: { KEY: { name: tls, as: file } }'
  mesh.start(`${head}${files}\nstages:\n  a: { run: x, forEach: [1, 2, 3] }\n`)
  mesh.start(
    withStages(`  b: { container: x, where: { host: a } }\n`).replace('name: w', 'name: v'),
  )
  mesh.run()
  assert.deepEqual(of.sort(), ['a on b', 'a on b', 'a on b', 'b on a'])
})

test("the workflow's variables and secrets come before those of the stage", () => {
  const { of } = assignmentsOf(
    `${head}env: { LEVEL: 3, CI: true }
secrets: { TOKEN: registry, KEY: one, CERT: { name: tls, as: file } }
stages:
  a: { run: x, env: { LEVEL: "\${{ run.workflow }}" }, secrets: { KEY: other }, timeout: { startToClose: 5s, heartbeat: 1s }, resources: { cpu: 0.5, memory: 1MiB } }
  b: { http: "http://x" }
`,
  )
  const a = of.get('a')!
  assert.deepEqual({ ...a.env }, { LEVEL: 'w', CI: 'true' })
  assert.deepEqual({ ...a.secrets }, { TOKEN: 'registry', KEY: 'other' })
  assert.deepEqual({ ...a.secretFiles }, { CERT: 'tls' })
  assert.deepEqual({ ...of.get('b')!.secretFiles }, {}, 'the agent opens none for a request')
  assert.deepEqual(a.timeouts, { startToCloseMs: 5_000, heartbeatMs: 1_000 })
  assert.deepEqual(a.resources, { cpu: 0.5, memoryBytes: 1024 ** 2, custom: {} })
})

test('what stages wrote, and how they ended, can be read by those after them', () => {
  const { of } = assignmentsOf(
    withStages(`  a: { run: x }
  no: { if: 'false', run: x }
  b:
    needs: [a, no]
    run: [echo, "\${{ stages.a.outputs.url }}", "\${{ stages.a.attempts }}", "\${{ stages.no.state }}", "\${{ stages.a.exitCode }}", "\${{ stages.a.node }}"]
`),
  )
  const { step } = of.get('b')!
  assert.equal(step.kind, 'program')
  if (step.kind !== 'program') return
  const [, ...values] = step.value.argv
  assert.deepEqual(values.slice(0, 4), ['made by a', '1', 'skipped', '0'])
  assert.match(values[4]!, /^[abc]$/)
})

const failing = (stages: string) => {
  const { mesh, run } = assignmentsOf(stages)
  assert.equal(mesh.state(run), 'failed')
  const unit = mesh.unit(run, 'b') ?? mesh.unit(run, 'a')
  assert.equal(unit?.errorClass, 'input')
  assert.equal(unit?.attempt, 0, 'it was never assigned')
  return unit?.why
}

test('an expression without a value fails its stage before it is assigned, and names the place', () => {
  const b = (rest: string) => failing(withStages(`  a: { run: x }\n  b: { needs: [a], ${rest} }\n`))
  const gone = `\${{ stages.a.outputs.gone }}`
  assert.match(
    b(`run: [echo, "${gone}"]`)!,
    /^stages\.b\.run\.1: there is no field gone; ask first/,
  )
  assert.match(b(`run: "echo ${gone}"`)!, /^stages\.b\.run: there is no field gone/)
  assert.match(b(`run: x, env: { A: "${gone}" }`)!, /^stages\.b\.env\.A: /)
  assert.match(b(`run: x, if: 'stages.a.outputs.gone == 1.0'`)!, /^stages\.b\.if: /)
  assert.match(b(`run: x, where: { host: "${gone}" }`)!, /^stages\.b\.where\.host: /)
  assert.match(b(`run: x, concurrency: "${gone}"`)!, /^stages\.b\.concurrency\.key: /)
  assert.match(b(`run: x, forEach: "${gone}"`)!, /^stages\.b\.forEach: /)
  assert.match(b(`await: "${gone}"`)!, /^stages\.b\.await\.event: /)
  assert.match(b(`approve: { message: "${gone}" }`)!, /^stages\.b\.approve\.message: /)
  assert.match(b(`wait: "\${{ duration(stages.a.outputs.url) }}"`)!, /^stages\.b\.wait: /)
  assert.match(b(`workflow: "${gone}"`)!, /^stages\.b\.workflow\.name: /)
  assert.match(b(`signal: { event: x, data: "${gone}" }`)!, /^stages\.b\.signal\.data: /)
  assert.match(
    b(`choose: { cases: [{ when: 'stages.a.outputs.gone == 1.0', then: c }] } }\n  c: { run: x`)!,
    /^stages\.b\.choose\.cases\.0\.when: /,
  )
})

test('a signal that has no value makes its stage fail after all', () => {
  const { mesh, run } = assignmentsOf(
    withStages(`  b: { run: x, signal: { event: x, data: "\${{ inputs.gone }}" } }\n`).replace(
      'stages:',
      'inputs: { gone: { type: string, required: false } }\nstages:',
    ),
  )
  assert.equal(mesh.state(run), 'failed')
  assert.match(mesh.unit(run, 'b')!.why!, /^stages\.b\.signal\.data: /)
  assert.equal(mesh.unit(run, 'b')?.attempt, 1)
})

test('what is too large for an agent is told with its size', () => {
  const big = 'y'.repeat(50 * 1024)
  const arguments_ = Array.from({ length: 12 }, () => `"\${{ inputs.big }}"`).join(', ')
  const { mesh, run } = assignmentsOf(
    `${head}inputs: { big: string }\nstages:\n  a: { run: [x, ${arguments_}] }\n`,
    { big },
  )
  assert.equal(mesh.state(run), 'failed')
  assert.match(mesh.unit(run, 'a')!.why!, /^stages\.a: with all values in it comes to \d+ bytes/)
  assert.ok(12 * big.length > workLimits.assignmentBytesMax)
})

test('outputs of a run that have no value make it fail, and say which', () => {
  const { mesh, run } = assignmentsOf(
    `${head}outputs: { x: "\${{ stages.a.outputs.gone }}" }\nstages:\n  a: { run: x }\n`,
  )
  assert.equal(mesh.state(run), 'failed')
  assert.match(mesh.view(run).head.reason!, /^outputs\.x: there is no field gone/)
})

test('kinds of steps that no agent knows yet fail with a word about it', () => {
  assert.match(failing(withStages('  a: { runbook: x }\n'))!, /^stages\.a\.runbook: /)
})

test('the workflow with every key of the language runs as far as agents go', () => {
  const mesh = new Mesh({
    hosts: ['edge-1', 'edge-2'].map((id, i) =>
      host(id, {
        labels: { os: 'linux', zone: i === 0 ? 'a' : 'b', gpu: '1', disk: 'ssd' },
        cores: 8,
        disk: { totalBytes: 1e12, availableBytes: 1e12 },
        custom: { gpu: 2 },
      }),
    ),
    fates: () => succeeds({ url: 'u', passed: 1 }),
  })
  const run = mesh.start(example('every-kind.yaml'), { version: '1', percent: 60 })
  mesh.publish(
    'apiVersion: skein/v1\nkind: Workflow\nname: deploy-all\ninputs: { version: string }\nstages: { a: { run: x } }\n',
  )
  mesh.after(2 * 3_600_000, () => mesh.vote(run, 'agree', 'bob'))
  mesh.after(2 * 3_600_000, () => mesh.vote(run, 'agree', 'eve'))
  mesh.after(2 * 3_600_000 + 10_000, () => mesh.signal('delivered', { key: '1' }))
  mesh.after(2 * 3_600_000 + 20_000, () => mesh.vote(run, 'deploy', 'bob'))
  mesh.run(4 * 3_600_000)
  const states = mesh.states(run)
  assert.equal(states.deploy, 'failed', 'there are no runbooks yet')
  assert.equal(states.everything, 'succeeded')
  assert.equal(states['dry-run'], 'skipped')
  assert.equal(states.tell, 'succeeded')
  assert.equal(states.unscript, 'succeeded')
  assert.equal(states.clean, 'succeeded')
  assert.equal(mesh.state(run), 'failed')
  assert.deepEqual(mesh.drops, [])
})
