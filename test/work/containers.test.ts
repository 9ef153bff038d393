/** Containers, by an engine that is a program of the virtual world. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AttemptStep } from '../../protocol/work/step.ts'
import type { Program, ProgramSelf } from '../../simulations/world/programs.ts'
import { Stage, shortGraceMs } from './stage.ts'

const hour = 3_600_000
const container: AttemptStep = {
  kind: 'container',
  value: { image: 'alpine:3', command: ['make', 'test'], pull: 'missing', network: 'none' },
}

/** Containers live apart from the program that started them, and are called by their names. */
class Engine {
  readonly runs: (readonly string[])[] = []
  readonly alive = new Set<string>()
  readonly #program: (name: string) => Program

  constructor(program: (name: string) => Program) {
    this.#program = program
  }

  readonly podman: Program = (self) => {
    const name = self.argv[self.argv.indexOf('--name') + 1] ?? ''
    if (self.argv[1] === 'rm') {
      return self.after(50, () => {
        this.alive.delete(self.argv[3] ?? '')
        self.exit(0)
      })
    }
    this.runs.push(self.argv)
    this.alive.add(name)
    this.#program(name)(self)
  }
}

async function staged(engine: Engine): Promise<Stage> {
  const programs = { podman: engine.podman }
  return new Stage({ programs, work: { containerEngine: 'podman' } }).ready()
}

test('a container gets what the stage says, and its directory for what it hands on', async () => {
  const engine = new Engine((name) => (self) => {
    self.writeFile(`${self.cwd}/skein-output.json`, '{"ok":true}')
    self.after(100, () => {
      engine.alive.delete(name)
      self.exit(0)
    })
  })
  const stage = await staged(engine)
  const work = stage.assignment(container, {
    env: { COLOUR: 'blue' },
    resources: { cpu: 1.5, memoryBytes: 2 ** 29, custom: {} },
  })
  stage.leader.assign(work)
  const { outcome } = await stage.over(work)
  assert.deepEqual(outcome, { kind: 'succeeded', value: { outputs: '{"ok":true}' } })
  const line = engine.runs[0]!.join(' ')
  assert.match(line, /^podman run --rm --name skein-[0-9a-f]{16} --pull missing --network none /)
  assert.match(line, / --cpus 1.5 --memory 536870912 --volume \/work\/a1-1:\/skein /)
  assert.match(line, / --env COLOUR=blue .*--env SKEIN_OUTPUT=\/skein\/skein-output.json /)
  assert.match(line, / alpine:3 make test$/)
  assert.ok(!line.includes('PATH='), 'nothing of the host goes in')
})

test('a container whose program has to be killed is removed by name before its end is told', async () => {
  const engine = new Engine(() => (self) => {
    self.on('SIGTERM', 'nothing')
    self.after(hour, () => self.exit(0))
  })
  const stage = await staged(engine)
  const work = stage.assignment(container, { timeouts: { graceMs: shortGraceMs } })
  stage.leader.assign(work)
  await stage.until(() => engine.runs.length === 1, 'it runs')
  stage.leader.cancel(work)
  await stage.until(() => {
    const told = stage.leader.resultsOf(work).length > 0
    assert.ok(!told || engine.alive.size === 0)
    return told
  }, 'it is told')
  assert.equal(stage.leader.resultsOf(work)[0]!.outcome.kind, 'cancelled')
})

test('a container is removed by name when only its program was lost with the agent', async () => {
  const engine = new Engine(() => (self) => self.after(hour, () => self.exit(0)))
  const stage = await staged(engine)
  const work = stage.assignment(container)
  stage.leader.assign(work)
  await stage.until(() => engine.runs.length === 1, 'it runs')
  await stage.world.runFor(100)
  await stage.again('powerLoss')
  await stage.talking()
  const { outcome } = await stage.over(work)
  assert.ok(outcome.kind === 'failed' && outcome.value.errorClass === 'lost')
  assert.equal(engine.alive.size, 0)
})

test('a newer attempt of the stage begins when the container of the older is gone, not before', async () => {
  const engine = new Engine(() => (self) => self.after(hour, () => self.exit(0)))
  const programs = {
    podman: engine.podman,
    later: (self: ProgramSelf) => {
      assert.equal(engine.alive.size, 0)
      self.exit(0)
    },
  }
  const stage = await new Stage({ programs, work: { containerEngine: 'podman' } }).ready()
  const older = stage.assignment(container)
  stage.leader.assign(older)
  await stage.until(() => engine.runs.length === 1, 'it runs')
  await stage.world.runFor(100)
  const newer = stage.assignment(['later'], { id: { ...older.id, attempt: 2 } })
  stage.leader.assign(newer)
  await stage.over(newer)
  assert.equal((await stage.over(older)).outcome.kind, 'cancelled')
})

test('an engine that fails says so, and another try may help', async () => {
  const engine = new Engine(() => (self) => {
    self.stderr('cannot connect\n')
    self.exit(125)
  })
  const stage = await staged(engine)
  const work = stage.assignment(container)
  stage.leader.assign(work)
  const { outcome, logTail } = await stage.over(work)
  assert.ok(outcome.kind === 'failed')
  assert.deepEqual([outcome.value.errorClass, outcome.value.code], ['transient', 'engine'])
  assert.match(outcome.value.message, /podman could not run the container; the end of the log/)
  assert.equal(logTail, 'cannot connect\n')
})
