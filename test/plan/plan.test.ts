/** What a plan says, by example. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hostsFor, hostsOf, planned, stageIn, withStages } from './planned.ts'

const release = withStages(`
  build: { run: make, resources: { cpu: 2 } }
  unit: { needs: [build], run: make test }
  lint: { needs: [build], run: make lint }
  docs: { run: make docs }
  ship: { needs: [unit, lint, docs], run: make ship }
`)

test('stages come in the order in which they may run, with level, width, track and path', () => {
  const plan = planned(release)
  assert.deepEqual(
    plan.stages.map(({ name, level }) => `${name} ${level}`),
    ['build 0', 'docs 0', 'unit 1', 'lint 1', 'ship 2'],
  )
  assert.deepEqual(plan.widths, [2, 2, 1])
  assert.deepEqual(plan.criticalPath, { stages: ['build', 'unit', 'ship'], basis: 'length' })
  assert.equal(plan.tracks.length, 5)
  assert.ok(stageIn(plan, 'unit').isCritical && !stageIn(plan, 'docs').isCritical)
})

test('which stages may have a second attempt beside a late one is told', () => {
  const plan = planned(withStages('\n  a: { run: x, race: true }\n  b: { run: x }\n'))
  assert.deepEqual(
    plan.stages.map(({ name, race }) => [name, race]),
    [
      ['a', true],
      ['b', undefined],
    ],
  )
})

test('where times are known, the critical path is by time, and slack is told', () => {
  const times: Record<string, number> = {
    build: 1_000,
    unit: 1_000,
    lint: 500,
    docs: 9_000,
    ship: 10,
  }
  const plan = planned(release, { expectedMs: ({ name }) => times[name] })
  assert.deepEqual(plan.criticalPath, { stages: ['docs', 'ship'], basis: 'time', lengthMs: 9_010 })
  assert.equal(stageIn(plan, 'unit').slackMs, 7_000)
  const some = planned(release, { expectedMs: ({ name }) => (name === 'lint' ? 5 : undefined) })
  assert.deepEqual(some.criticalPath, {
    stages: ['build', 'lint', 'ship'],
    basis: 'partly',
    lengthMs: 5,
  })
  assert.equal(stageIn(some, 'lint').slackMs, undefined)
})

test('stages beside each other go to different hosts, and what is set aside is given back', () => {
  const wide = withStages(`
  a: { run: x, resources: { cpu: 4 } }
  b: { run: x, resources: { cpu: 4 } }
  c: { run: x, resources: { cpu: 4 } }
  d: { needs: [a, b, c], run: x, resources: { cpu: 4 } }
`)
  const plan = planned(wide)
  assert.deepEqual(['a', 'b', 'c'].map((name) => hostsFor(plan, name)).sort(), ['n1', 'n2', 'n3'])
  const { place } = stageIn(plan, 'd')
  assert.ok(place.by === 'host' && !place.waits)
})

test('a stage that finds room only after others says that it waits', () => {
  const plan = planned(
    withStages(`
  a: { run: x, resources: { cpu: 3 } }
  b: { run: x, resources: { cpu: 3 } }
`),
    { hosts: hostsOf({}) },
  )
  const waits = plan.stages.map(({ place }) => place.by === 'host' && place.waits)
  assert.deepEqual(waits, [false, true])
})

test('room that others hold makes a stage wait for them; a stage for nobody is told as such', () => {
  const hosts = hostsOf({}, {})
  for (const id of ['id-1', 'id-2']) hosts.setAside(id, { cpu: 3, custom: {} })
  const plan = planned(
    withStages(`
  later: { run: x, resources: { cpu: 2 } }
  never: { run: x, resources: { cpu: 64 } }
  after: { needs: [later, never], run: x }
`),
    { hosts },
  )
  assert.equal(hostsFor(plan, 'later'), 'later')
  assert.equal(hostsFor(plan, 'never'), 'nobody')
  assert.match(hostsFor(plan, 'after'), /^n/)
  assert.deepEqual(
    plan.hints.map(({ code, stage }) => `${code} ${stage}`),
    ['impossible never'],
  )
  assert.equal(hosts.get('id-1')!.setAside.attempts, 1, 'the plan sets aside on a copy')
})

test('for each host all reasons are told, once for stages that ask the same', () => {
  const plan = planned(
    withStages(`
  a: { run: x, where: { labels: { zone: b } }, resources: { cpu: 8 } }
  b: { run: x, where: { labels: { zone: b } }, resources: { cpu: 8 } }
  c: { run: x }
`),
    { hosts: hostsOf({}, { labels: { zone: 'b' } }, { state: 'dead' }) },
  )
  assert.deepEqual(
    plan.kinds.map(({ stages, eligible }) => [stages, eligible]),
    [
      [['a', 'b'], []],
      [['c'], ['id-1', 'id-2']],
    ],
  )
  assert.deepEqual(
    plan.kinds[0]!.verdicts!.map(({ name, refusals }) => [name, refusals.map(({ code }) => code)]),
    [
      ['n1', ['label', 'tooFewCores']],
      ['n2', ['tooFewCores']],
      ['n3', ['gone', 'label', 'tooFewCores']],
    ],
  )
})

test('items of a forEach are placed as many as begin together, evenly when they are spread', () => {
  const plan = planned(
    withStages(`
  few: { forEach: [1, 2, 3, 4, 5, 6], run: x, where: { spread: host } }
  limited: { needs: [few], forEach: { items: [1, 2, 3, 4], limit: 2 }, run: x, where: { spread: host } }
  computed: { needs: [limited], forEach: '\${{ stages.few.outputs }}', run: x }
`),
  )
  assert.equal(hostsFor(plan, 'few'), 'n1*2 n2*2 n3*2')
  assert.deepEqual(stageIn(plan, 'few').forEach, { items: 6 })
  const limited = stageIn(plan, 'limited')
  assert.deepEqual(limited.forEach, { items: 4, limit: 2 })
  assert.ok(limited.place.by === 'host')
  assert.equal(
    limited.place.hosts.reduce((sum, { units }) => sum + units, 0),
    2,
  )
  assert.deepEqual(stageIn(plan, 'computed').forEach, {})
})

test('a list that comes of inputs is counted, and an empty one is skipped', () => {
  const text = `apiVersion: skein/v1
kind: Workflow
name: w
inputs: { hosts: { type: list, default: [a, b] } }
stages:
  each: { forEach: '\${{ inputs.hosts }}', run: x }
`
  assert.deepEqual(stageIn(planned(text), 'each').forEach, { items: 2 })
  const none = planned(text, { inputs: { hosts: [] } })
  assert.equal(hostsFor(none, 'each'), 'skipped')
})

test('a condition that inputs decide is decided, and what follows from it', () => {
  const text = `apiVersion: skein/v1
kind: Workflow
name: w
inputs: { deploy: { type: boolean, default: false } }
stages:
  build: { run: x }
  deploy: { needs: [build], if: '\${{ inputs.deploy }}', run: x }
  verify: { needs: [deploy], run: x }
  report: { needs: [build, verify], run: x }
`
  const off = planned(text)
  assert.deepEqual(
    ['build', 'deploy', 'verify', 'report'].map((name) => stageIn(off, name).place.by),
    ['host', 'skipped', 'skipped', 'host'],
  )
  const on = planned(text, { inputs: { deploy: true } })
  assert.ok(on.stages.every(({ place }) => place.by === 'host'))
})

test('what only the run will know is said to be unknown, and is no refusal', () => {
  const plan = planned(
    withStages(`
  pick: { run: x }
  go:
    needs: [pick]
    run: x
    where:
      labels: { zone: '\${{ stages.pick.outputs.zone }}' }
      expression: node.cpu >= double(stages.pick.outputs.cores)
`),
  )
  const { unknown, place } = stageIn(plan, 'go')
  assert.deepEqual(
    unknown.map(({ where }) => where),
    ['where.labels.zone', 'where.expression'],
  )
  assert.equal(place.by, 'host')
})

test('company follows where the plan has put the others', () => {
  const plan = planned(
    withStages(`
  a: { run: x, where: { host: n2 } }
  near: { needs: [a], run: x, where: { affinity: { stages: [a], required: true } } }
  far: { needs: [near], run: x, where: { antiAffinity: { stages: [a], required: true } } }
`),
  )
  assert.equal(hostsFor(plan, 'near'), 'n2')
  assert.notEqual(hostsFor(plan, 'far'), 'n2')
})

test('the leader does what no host does, and what is called waits for the call', () => {
  const plan = planned(
    withStages(`
  ask: { approve: { roles: [approver] } }
  rest: { needs: [ask], wait: 5s }
  do: { needs: [rest], run: x, compensate: undo }
  undo: { run: x }
`).concat('finally:\n  sweep: { run: x }\n'),
  )
  assert.deepEqual(
    plan.stages.map(({ name, place }) => `${name} ${place.by}`),
    ['ask leader', 'rest leader', 'do host', 'undo call', 'sweep host'],
  )
  assert.equal(stageIn(plan, 'rest').expectedMs, 5_000)
  assert.equal(stageIn(plan, 'undo').level, undefined)
})

test('what takes no time is placed at the host that leads', () => {
  const text = withStages(`
  gate: { function: skein:noop }
  work: { run: x }
  kept: { function: skein:noop, artifacts: [x] }
`)
  const hosts = hostsOf({}, {}, { load: { cpu: 0.4, ageMs: 500, intervalMs: 1_000 } })
  const plan = planned(text, { hosts, near: 'id-3' })
  assert.equal(hostsFor(plan, 'gate'), 'n3')
  for (const name of ['work', 'kept']) assert.notEqual(hostsFor(plan, name), 'n3')
})

test('higher priority takes its place first', () => {
  const plan = planned(
    withStages(`
  low: { run: x, priority: 10, resources: { cpu: 4 } }
  high: { run: x, priority: 90, resources: { cpu: 4 } }
`),
    { hosts: hostsOf({}) },
  )
  const { place } = stageIn(plan, 'high')
  assert.ok(place.by === 'host' && !place.waits)
})

test('what is asked of load is answered as hosts are now, and makes a stage wait, not fail', () => {
  const text = withStages('  a: { run: x, where: { expression: node.running < 1 } }\n')
  const hosts = hostsOf({}, {})
  hosts.setAside('id-1', { custom: {} })
  assert.equal(hostsFor(planned(text, { hosts }), 'a'), 'n2')
  hosts.setAside('id-2', { custom: {} })
  const plan = planned(text, { hosts })
  assert.equal(hostsFor(plan, 'a'), 'later')
  assert.deepEqual(plan.kinds[0]!.eligible, ['id-1', 'id-2'])
})
