/** What an attempt comes to, by the kind of its step and by what it does. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Outcome } from '../../protocol/work/attempt.ts'
import type { AttemptStep } from '../../protocol/work/step.ts'
import { type Program, runs } from '../../simulations/world/programs.ts'
import { noop, Stage, type StageOptions } from './stage.ts'

const succeeded: Outcome = { kind: 'succeeded', value: {} }

/** How one attempt ends on a stage of its own. */
async function outcomeOf(
  what: readonly string[] | AttemptStep,
  options: StageOptions = {},
  rest: Parameters<Stage['assignment']>[1] = {},
): Promise<Outcome> {
  const stage = await new Stage(options).ready()
  const assignment = stage.assignment(what, rest)
  stage.leader.assign(assignment)
  return (await stage.over(assignment)).outcome
}

/** `class/code: message` of a failure. */
async function failureOf(...args: Parameters<typeof outcomeOf>): Promise<string> {
  const outcome = await outcomeOf(...args)
  assert.ok(outcome.kind === 'failed', `${outcome.kind} is no failure`)
  const { errorClass, code, message } = outcome.value
  return `${errorClass}/${code}: ${message}`
}

function calling(module: string, given: unknown = {}): Parameters<typeof outcomeOf> {
  const step: AttemptStep = { kind: 'function', value: { module, export: 'main' } }
  return [step, {}, { with: JSON.stringify(given) }]
}

const writes =
  (text: string): Program =>
  (self) => {
    self.writeFile(self.env.SKEIN_OUTPUT ?? '', text)
    self.exit(0)
  }

test('a program is accepted, run, told, and forgotten once it is committed', async () => {
  const stage = await new Stage({ programs: { work: runs(5_000) } }).ready()
  const { leader } = stage
  const work = stage.assignment(['work'])
  leader.assign(work)
  const { outcome, usage } = await stage.over(work)
  assert.deepEqual(outcome, succeeded)
  assert.deepEqual(leader.kindsOf(work), ['accepted', 'running', 'finished'])
  assert.ok(usage.wallMs! >= 5_000 && usage.wallMs! < 5_100)
  assert.equal(stage.desk!.uncommitted, 1)
  leader.committed(work)
  await stage.until(() => stage.desk!.uncommitted === 0, 'it is forgotten')
  await stage.world.runFor(60_000)
  assert.equal(leader.resultsOf(work).length, 1)
  assert.equal(stage.started('work'), 1)
})

test('an attempt that cannot be learned from has an outcome all the same', async () => {
  const told: unknown[] = []
  const mistake = new Error('a mistake')
  const lessons = {
    load: () => 0,
    learn: () => {
      throw mistake
    },
    notLearned: (error: unknown) => told.push(error),
  }
  const options = { programs: { work: runs(50) }, lessons }
  const fingerprint = 'program/work/00'
  assert.deepEqual(await outcomeOf(['work'], options, { fingerprint }), succeeded)
  assert.deepEqual(told, [mistake])
})

test('of a program that is over soon only its end is told', async () => {
  const stage = await new Stage({ programs: { quick: runs(5), slow: runs(60) } }).ready()
  const [quick, slow] = [stage.assignment(['quick']), stage.assignment(['slow'])]
  stage.leader.assign(quick, slow)
  for (const each of [quick, slow]) await stage.over(each)
  assert.deepEqual(stage.leader.kindsOf(quick), ['finished'])
  assert.deepEqual(stage.leader.kindsOf(slow), ['accepted', 'finished'])
})

test('no-ops are over at once, each told once', async () => {
  const stage = await new Stage().ready()
  const all = Array.from({ length: 500 }, () => stage.assignment(noop))
  stage.leader.assign(...all)
  for (const each of all) assert.deepEqual((await stage.over(each)).outcome, succeeded)
  assert.equal(stage.leader.heard.length, 500)
})

test('exit codes say what another try would help', async () => {
  const said: Record<number, string> = {}
  for (const code of [1, 64, 65, 66, 70, 75, 78, 126, 127, 137]) {
    said[code] = (await failureOf(['exits'], { programs: { exits: runs(1, code) } })).split(':')[0]!
  }
  assert.deepEqual(said, {
    1: 'transient/exit',
    64: 'input/exit',
    65: 'input/exit',
    66: 'input/exit',
    70: 'bug/exit',
    75: 'transient/exit',
    78: 'input/exit',
    126: 'input/exit',
    127: 'input/exit',
    137: 'resource/exit',
  })
})

test('a program that takes more memory than was set aside fails for want of it', async () => {
  const greedy: Program = (self) => {
    self.use({ memoryBytes: 2 ** 30 })
    self.after(10_000, () => self.exit(0))
  }
  const resources = { memoryBytes: 2 ** 20, custom: {} }
  const failure = await failureOf(['greedy'], { programs: { greedy } }, { resources })
  assert.match(failure, /^resource\/outOfMemory: .*resources\.memory/)
})

test('a program that is not there fails for its input, and says so', async () => {
  assert.match(await failureOf(['no-such-program']), /^input\/notFound: .*no-such-program/)
})

test('what a program writes to $SKEIN_OUTPUT is handed on as it means it', async () => {
  const outcome = await outcomeOf(['out'], { programs: { out: writes('{ "a": [1, 2] }\n') } })
  assert.deepEqual(outcome, { kind: 'succeeded', value: { outputs: '{"a":[1,2]}' } })
})

for (const [what, text, why] of [
  ['no JSON', '{"a": ', /no JSON: .*write one JSON object/],
  ['no object', '[1, 2]', /is a list; make it an object/],
  [
    'too large',
    JSON.stringify({ a: 'x'.repeat(70_000) }),
    /take 7000\d bytes, and 65536 fit; .*artifact/,
  ],
] as const) {
  test(`outputs that are ${what} are a fault of the stage, and say what to do`, async () => {
    const failure = await failureOf(['out'], { programs: { out: writes(text) } })
    assert.match(failure, /^input\/badOutput: /)
    assert.match(failure, why)
  })
}

test('a program has a clean environment, what the stage asks for, and who it is', async () => {
  const stage = await new Stage().ready()
  const env = stage.assignment(['/usr/bin/env'], {
    id: { run: 'r7', stage: 'build', item: 3, attempt: 2 },
    env: { COLOUR: 'blue', SKEIN_RUN: 'forged' },
  })
  stage.leader.assign(env)
  const { logTail } = await stage.over(env)
  const seen = new Map(
    logTail!
      .trim()
      .split('\n')
      .map((line) => line.split('=') as [string, string]),
  )
  const { SKEIN_OUTPUT, SKEIN_PROGRESS, SKEIN_CELL, ...rest } = Object.fromEntries(seen)
  assert.deepEqual(rest, {
    PATH: '/usr/local/bin:/usr/bin:/bin',
    HOME: '/',
    LANG: 'C.UTF-8',
    TMPDIR: '/tmp',
    COLOUR: 'blue',
    SKEIN_RUN: 'r7',
    SKEIN_STAGE: 'build',
    SKEIN_ITEM: '3',
    SKEIN_ATTEMPT: '2',
  })
  assert.ok(SKEIN_OUTPUT && SKEIN_PROGRESS && SKEIN_CELL)
})

test('values of a script arrive as variables, and never as text', async () => {
  const step: AttemptStep = {
    kind: 'script',
    value: { shell: 'sh', text: 'echo "$SKEIN_VALUE_1"', variables: { SKEIN_VALUE_1: '$(rm)' } },
  }
  let argv: readonly string[] = []
  const sh: Program = (self) => {
    argv = self.argv
    self.stdout(self.env.SKEIN_VALUE_1!)
    self.exit(0)
  }
  const stage = await new Stage({ programs: { sh } }).ready()
  const script = stage.assignment(step)
  stage.leader.assign(script)
  assert.equal((await stage.over(script)).logTail, '$(rm)')
  assert.deepEqual(argv, ['sh', '-c', 'echo "$SKEIN_VALUE_1"'])
})

test('a script that is longer than an argument may be comes in a file', async () => {
  let argv: readonly string[] = []
  const sh: Program = (self) => {
    argv = self.argv
    self.exit(0)
  }
  const text = `# ${'long '.repeat(60_000)}`
  const step: AttemptStep = { kind: 'script', value: { shell: 'sh', text, variables: {} } }
  assert.deepEqual(await outcomeOf(step, { programs: { sh } }), succeeded)
  assert.equal(argv.length, 2)
  assert.match(argv[1]!, /^\/work\/a1-1\/skein-script$/)
})

test('children that a program leaves behind are ended with it, and its log says so', async () => {
  for (const away of [false, true]) {
    const forgets: Program = (self) => {
      if (away) self.leave((child) => child.after(3_600_000, () => child.exit(0)))
      else self.fork((child) => child.after(3_600_000, () => child.exit(0)))
      self.after(200, () => self.exit(0))
    }
    const stage = await new Stage({ programs: { forgets } }).ready()
    const work = stage.assignment(['forgets'])
    stage.leader.assign(work)
    const { outcome, logTail } = await stage.over(work)
    assert.deepEqual(outcome, succeeded)
    assert.match(logTail!, /^\[skein\] the program has ended and left others running/)
    assert.equal(stage.host.processTable.alive, 0)
  }
})

test('what a quick program leaves in another session is swept soon after', async () => {
  const forgets: Program = (self) => {
    self.leave((child) => child.after(3_600_000, () => child.exit(0)))
    self.exit(0)
  }
  const stage = await new Stage({ programs: { forgets } }).ready()
  const work = stage.assignment(['forgets'])
  stage.leader.assign(work)
  await stage.over(work)
  await stage.world.runFor(2_000)
  assert.equal(stage.host.processTable.alive, 0)
})

test('the directory of an attempt goes with it', async () => {
  const stage = await new Stage({ programs: { work: runs(100) } }).ready()
  const work = stage.assignment(['work'])
  stage.leader.assign(work)
  await stage.until(() => stage.desk!.running === 1, 'it runs')
  await stage.over(work)
  await stage.world.runFor(10)
  assert.deepEqual([...stage.host.processTable.files.keys()], [])
})

test('functions that every agent brings along', async () => {
  assert.deepEqual(await outcomeOf(...calling('skein:echo', { a: 1 })), {
    kind: 'succeeded',
    value: { outputs: '{"a":1}' },
  })
  const failure = await failureOf(...calling('skein:fail', { class: 'lost', message: 'as asked' }))
  assert.equal(failure, 'lost/asked: as asked')
  assert.match(await failureOf(...calling('skein:sleep', { for: -1 })), /^input\/badInput: .*`for`/)
  const stage = await new Stage().ready()
  const [step, , rest] = calling('skein:sleep', { for: '1h' })
  const sleep = stage.assignment(step, rest)
  stage.leader.assign(sleep)
  await stage.until(() => stage.leader.resultsOf(sleep).length > 0, 'it wakes', 3_700_000)
  assert.ok(stage.leader.resultsOf(sleep)[0]!.usage.wallMs! >= 3_600_000)
})

test('a function of a module hands on what it returns, or fails with what it throws', async () => {
  const modules = {
    '/m.mjs': {
      main: { tookMs: 5, returns: (given: unknown) => ({ given }) },
      throws: {
        tookMs: 5,
        returns: () => {
          throw new Error('no luck')
        },
      },
    },
  }
  const of = (name: string): AttemptStep => ({
    kind: 'function',
    value: { module: '/m.mjs', export: name },
  })
  const given = { with: '{"n":1}' }
  assert.deepEqual(await outcomeOf(of('main'), { modules }, given), {
    kind: 'succeeded',
    value: { outputs: '{"given":{"n":1}}' },
  })
  assert.match(await failureOf(of('throws'), { modules }), /^transient\/threw: Error: no luck/)
  assert.match(await failureOf(of('missing'), { modules }), /^input\/notFound/)
})

test('an answer becomes outputs, and a status that was not expected a failure', async () => {
  const servers = {
    'http://fine': { tookMs: 5, answers: () => ({ status: 200, body: 'hello' }) },
    'http://busy': { tookMs: 5, answers: () => ({ status: 503, body: 'later' }) },
    'http://none': { tookMs: 5, answers: () => ({ status: 404, body: '' }) },
  }
  const get = (url: string, expect = [200]): AttemptStep => ({
    kind: 'http',
    value: { url, method: 'GET', headers: {}, expect },
  })
  assert.deepEqual(await outcomeOf(get('http://fine/'), { servers }), {
    kind: 'succeeded',
    value: { outputs: '{"status":200,"body":"hello"}' },
  })
  assert.equal(
    await failureOf(get('http://busy/'), { servers }),
    'transient/httpStatus: the server answered 503, and 200 was expected: later',
  )
  assert.match(await failureOf(get('http://none/'), { servers }), /^input\/httpStatus/)
  for (const status of [200, 204, 299]) {
    const made = { tookMs: 5, answers: () => ({ status, body: '' }) }
    const { kind } = await outcomeOf(get('http://made/', []), { servers: { 'http://made': made } })
    assert.equal(kind, 'succeeded', 'where nothing is expected, any success will do')
  }
  assert.equal(
    await failureOf(get('http://none/', []), { servers }),
    'input/httpStatus: the server answered 404, and a status from 200 to 299 was expected',
  )
  assert.match(await failureOf(get('http://nobody/'), { servers }), /^transient\/unreachable/)
})

test('what this host cannot do is refused in words that say what is missing', async () => {
  const stage = await new Stage().ready()
  const container: AttemptStep = {
    kind: 'container',
    value: { image: 'alpine', command: [], pull: 'missing', network: 'none' },
  }
  const cases = [
    stage.assignment(container),
    stage.assignment(noop, { secrets: { TOKEN: 'deploy' } }),
    stage.assignment({ kind: 'function', value: { module: 'skein:fly', export: 'main' } }),
    stage.assignment(['/bin/true'], { resources: { cpu: 64, custom: {} } }),
    stage.assignment(['/bin/true'], { directory: 'here' }),
    stage.assignment(['/bin/true'], { sandbox: true }),
  ]
  stage.leader.assign(...cases)
  const heard = () => cases.every((each) => stage.leader.refusalOf(each) === 'unsupported')
  await stage.until(heard, 'all are refused')
  const words = stage.leader.heard.map(({ news }) => news.kind === 'refused' && news.value.message)
  assert.match(String(words[0]), /neither podman nor docker; install one/)
  assert.match(String(words[1]), /cannot fetch the secret deploy/)
  assert.match(String(words[5]), /asks for a sandbox, and has none here/)
  assert.match(String(words[2]), /does not bring along skein:fly; it knows skein:noop/)
  assert.match(String(words[3]), /64 cores aside, and this host has 4/)
  assert.match(String(words[4]), /is not absolute/)
})
