import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { SystemCells } from '../../agent/ports/cells/cells.ts'
import { stagesGroup } from '../../agent/ports/cells/control-groups.ts'
import { recordedEnd } from '../../agent/ports/cells/ended.ts'
import type { NurseryLanguage } from '../../agent/ports/cells/nursery.ts'
import { bashNursery } from '../../agent/ports/cells/nursery-bash.ts'
import { perlNursery } from '../../agent/ports/cells/nursery-perl.ts'
import { pythonNursery } from '../../agent/ports/cells/nursery-python.ts'
import { processStatus } from '../../agent/ports/process-status.ts'
import type { CellExit, CellSpec } from '../../protocol/ports/cells.ts'
import { StartError } from '../../protocol/ports/processes.ts'
import { isEmpty, untilEmpty } from '../contracts/cells.ts'
import { realPassage } from '../contracts/passage.ts'
import { temporaryDirectory } from './temporary-directory.ts'

const languages: Record<string, readonly NurseryLanguage[]> = {
  Python: [pythonNursery],
  Perl: [perlNursery],
  Bash: [bashNursery],
  'no nursery': [],
}

function cellsIn(t: TestContext, spoken: readonly NurseryLanguage[]) {
  const directory = temporaryDirectory(t)
  const cells = new SystemCells(directory, basename(directory), spoken)
  t.after(async () => {
    cells.sweep(new Set(), await cells.inhabited())
    await cells.close()
  })
  return { cells, directory }
}

let names = 0

async function run(cells: SystemCells, partial: Partial<CellSpec> & Pick<CellSpec, 'argv'>) {
  const plain = { cwd: '/', env: {}, limits: {}, keepsExit: true }
  const chunks: Uint8Array[] = []
  const spec = { name: `cell-${names++}`, ...plain, ...partial }
  const cell = await cells.start(spec, (_from, chunk) => void chunks.push(chunk))
  return { cell, text: () => Buffer.concat(chunks).toString() }
}

async function output(cells: SystemCells, partial: Parameters<typeof run>[1]): Promise<string> {
  const { cell, text } = await run(cells, partial)
  assert.deepEqual(await cell.exited(), { kind: 'exited', code: 0 } satisfies CellExit)
  cell.close()
  return text()
}

const word = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 30 }),
  fc.constantFrom(
    "'",
    "'\\''",
    '$(id)',
    '`id`',
    '\n',
    ' ',
    '\\',
    '"',
    '-n',
    '--',
    '!',
    '*',
    '~',
    '',
  ),
)
const words = fc.array(
  word.map((text) => text.replaceAll('\0', '')),
  { maxLength: 6 },
)

/** Of some of these a shell has a mind of its own; others it takes for no names. */
const oddNames = [
  '_',
  'BASH_ENV',
  'ENV',
  'EUID',
  'HISTFILE',
  'HOME',
  'IFS',
  'LANG',
  'LC_ALL',
  'LINENO',
  'OLDPWD',
  'OPTIND',
  'PATH',
  'PERL5OPT',
  'PPID',
  'PS4',
  'PWD',
  'RANDOM',
  'SECONDS',
  'SHELLOPTS',
  'SHLVL',
  'TIMEFORMAT',
  'UID',
  'code',
  'id',
  'not-a-name',
  'with.dot',
  '1st',
  'BASH_FUNC_x%%',
]

for (const [name, spoken] of Object.entries(languages)) {
  test(`${name}: arguments arrive as they are`, async (t) => {
    const { cells } = cellsIn(t, spoken)
    const given = fc.asyncProperty(words, async (args) => {
      const text = await output(cells, { argv: ['/usr/bin/printf', '<%s>\n', ...args, 'end'] })
      assert.equal(text, [...args, 'end'].map((arg) => `<${arg}>\n`).join(''))
    })
    await fc.assert(given, { numRuns: 40 })
  })

  test(`${name}: variables arrive as they are, whatever they are called`, async (t) => {
    const { cells } = cellsIn(t, spoken)
    for (const env of [
      ...oddNames.map((odd) => ({ [odd]: "odd 'value'" })),
      Object.fromEntries(oddNames.map((odd) => [odd, '1'])),
    ]) {
      const text = await output(cells, { argv: ['/usr/bin/env', '-0'], env })
      const found = text.split('\0').filter((line) => line && !line.startsWith('SKEIN_CELL='))
      const given = Object.entries(env).map(([odd, value]) => `${odd}=${value}`)
      assert.deepEqual(found.sort(), given.sort())
    }
  })

  test(`${name}: no program gains privileges, but those that are said to need them`, async (t) => {
    const { cells } = cellsIn(t, spoken)
    const rule = cells.rules().find((each) => each.name === 'noNewPrivileges')
    if (rule?.missing !== undefined) return t.skip(rule.missing)
    const argv = ['/bin/grep', 'NoNewPrivs', '/proc/self/status'] as const
    assert.equal(await output(cells, { argv }), 'NoNewPrivs:\t1\n')
    const long = { LONG: 'y'.repeat(100_000) }
    assert.equal(await output(cells, { argv, env: long }), 'NoNewPrivs:\t1\n')
    const free = await output(cells, { argv, mayGainPrivileges: true })
    const own = /NoNewPrivs:\t\d/.exec(readFileSync('/proc/self/status', 'utf8'))?.[0]
    assert.equal(free, `${own}\n`)
  })

  test(`${name}: a program is found on the path that it is given, under its own name`, async (t) => {
    const { cells, directory } = cellsIn(t, spoken)
    writeFileSync(join(directory, 'prog'), '#!/bin/sh\necho ran\n', { mode: 0o755 })
    const env = { PATH: `/nowhere:${directory}` }
    assert.equal(await output(cells, { argv: ['prog'], env }), 'ran\n')
    assert.equal(await output(cells, { argv: ['./prog'], cwd: directory }), 'ran\n')
    const named = await output(cells, { argv: ['sh', '-c', 'echo $0'], env: { PATH: '/bin' } })
    assert.equal(named, 'sh\n')
    const lost = run(cells, { argv: ['prog'], env: { PATH: '/nowhere' } })
    await assert.rejects(lost, (error) => error instanceof StartError && error.code === 'notFound')
  })

  test(`${name}: what the system cannot take is refused, and the next program is started`, async (t) => {
    const { cells } = cellsIn(t, spoken)
    const huge = run(cells, { argv: ['/bin/echo', 'x'.repeat(4 << 20)] })
    await assert.rejects(huge, (error) => error instanceof StartError && error.code === 'limit')
    const zero = run(cells, { argv: ['/bin/echo', 'a\0b'] })
    await assert.rejects(zero, (error) => error instanceof StartError && error.code === 'failed')
    const long = 'y'.repeat(100_000)
    assert.equal(await output(cells, { argv: ['/bin/echo', long] }), `${long}\n`)
  })

  test(`${name}: a program inherits nothing of the agent’s but its standard streams`, async (t) => {
    const { cells } = cellsIn(t, spoken)
    const argv = ['/bin/sh', '-c', 'ls /proc/$$/fd'] as const
    const env = { PATH: '/bin:/usr/bin' }
    const [program, ...args] = argv
    const ordinary = spawnSync(program, args, { env, encoding: 'utf8' }).stdout
    // Only a nursery can close what the agent itself was started with.
    const expected = spoken.length > 0 ? '0\n1\n2\n' : ordinary
    assert.equal(await output(cells, { argv, env }), expected)
    const status = await output(cells, {
      argv: ['/bin/grep', '-E', 'Sig(Blk|Ign)', '/proc/self/status'],
    })
    // Two signals belong to the C library, which leaves them ignored when it starts a program itself.
    const ordinarily = /SigBlk:\s0+\nSigIgn:\s0+(180000000)?\n/
    assert.match(status, ordinarily, 'signals do what they ordinarily do')
  })

  test(`${name}: a child that floods the pipe cannot hold up the exit of the program`, async (t) => {
    const { cells } = cellsIn(t, spoken)
    const argv = ['/bin/sh', '-c', 'yes & exit 3'] as const
    const { cell } = await run(cells, { argv, env: { PATH: '/bin:/usr/bin' } })
    assert.deepEqual(await cell.exited(), { kind: 'exited', code: 3 })
    cell.kill()
    await untilEmpty(realPassage, cell)
  })

  test(`${name}: pipes and records are cleared away`, async (t) => {
    const { cells, directory } = cellsIn(t, spoken)
    for (let i = 0; i < 40; i++) await output(cells, { argv: ['/bin/echo', 'x'] })
    const lives = readdirSync(join(directory, 'pipes'))
    assert.equal(lives.length, 1)
    const pipes = readdirSync(join(directory, 'pipes', lives[0]!))
    assert.ok(pipes.length <= 64, `${pipes.length} pipes for one program at a time`)
    writeFileSync(join(directory, 'ends', 'stray'), 'ended 0\n')
    const next = new SystemCells(directory, basename(directory), spoken)
    next.sweep(new Set(), await next.inhabited())
    assert.deepEqual(readdirSync(join(directory, 'ends')), [])
    assert.equal(existsSync(join(directory, 'pipes', lives[0]!)), false)
  })
}

const nurseries = { Python: [pythonNursery], Perl: [perlNursery], Bash: [bashNursery] }
for (const [name, spoken] of Object.entries(nurseries)) {
  test(`${name}: a nursery that was killed is replaced, and its programs go on`, async (t) => {
    const { cells } = cellsIn(t, spoken)
    const argv = ['/bin/sh', '-c', 'ps -o ppid= -p $$; read -r _ < "$FIFO"; exit 5'] as const
    const env = { PATH: '/bin:/usr/bin', FIFO: await endless(t, cells) }
    const { cell, text } = await run(cells, { argv, env })
    await realPassage.until('its parent', () => text().includes('\n'))
    const parent = Number(text())
    const nursery = name === 'Bash' ? await parentOf(cells, parent) : parent
    process.kill(nursery, 'SIGKILL')
    await realPassage.until('its end', () => !existsSync(`/proc/${nursery}/stat`))
    assert.equal(await output(cells, { argv: ['/bin/echo', 'again'] }), 'again\n')
    assert.equal(await isEmpty(realPassage, cell), false)
    cell.kill()
    const exit = await cell.exited()
    // Who waits for a program in Bash is not the nursery itself.
    const told = { kind: 'signalled', signal: 'SIGKILL' } as const
    assert.deepEqual(exit, name === 'Bash' ? told : { kind: 'unknown' })
  })
}

test('half of a record is none', (t) => {
  const path = join(temporaryDirectory(t), 'end')
  assert.equal(recordedEnd(path), undefined)
  for (const text of ['', 'ended', 'ended 13', 'other 1\n']) {
    writeFileSync(path, text)
    assert.equal(recordedEnd(path), undefined, text)
  }
  writeFileSync(path, 'ended 137\n')
  assert.deepEqual(recordedEnd(path)?.exit, { kind: 'exited', code: 137 })
  writeFileSync(path, 'killed 15\n')
  assert.deepEqual(recordedEnd(path)?.exit, { kind: 'signalled', signal: 'SIGTERM' })
})

/** The path of a pipe that nobody writes to. */
async function endless(t: TestContext, cells: SystemCells): Promise<string> {
  const path = join(temporaryDirectory(t), 'pipe')
  await output(cells, { argv: ['/usr/bin/mkfifo', path] })
  return path
}

async function parentOf(cells: SystemCells, pid: number): Promise<number> {
  return Number(await output(cells, { argv: ['/bin/ps', '-o', 'ppid=', '-p', `${pid}`] }))
}

for (const [language, spoken] of Object.entries(languages)) {
  test(`${language}: all that runs is killed at once, its end is known, and the next program starts`, async (t) => {
    const { cells } = cellsIn(t, spoken)
    const script =
      "trap '' TERM; setsid sh -c 'while :; do sleep 0.1; done' & while :; do sleep 0.1; done"
    for (let round = 0; round < 3; round++) {
      const running = await Promise.all(
        Array.from({ length: 4 }, () => run(cells, { argv: ['sh', '-c', script] })),
      )
      await cells.killAll(new Set(running.map(({ cell }) => cell.name)))
      for (const { cell } of running) {
        assert.equal(await isEmpty(realPassage, cell), true)
        assert.deepEqual(await cell.exited(), { kind: 'signalled', signal: 'SIGKILL' })
        cell.close()
      }
      assert.equal(await output(cells, { argv: ['echo', 'on'] }), 'on\n')
    }
  })

  test(`${language}: of those that run, only those that are meant are killed`, async (t) => {
    const { cells } = cellsIn(t, spoken)
    const meant = await run(cells, { argv: ['sleep', '60'] })
    const other = await run(cells, { argv: ['sh', '-c', 'sleep 0.3; echo lives'] })
    await cells.killAll(new Set([meant.cell.name]))
    assert.deepEqual(await meant.cell.exited(), { kind: 'signalled', signal: 'SIGKILL' })
    assert.deepEqual(await other.cell.exited(), { kind: 'exited', code: 0 })
    assert.equal(other.text(), 'lives\n')
    for (const { cell } of [meant, other]) cell.close()
  })

  test(`${language}: what starts while all that runs is being killed is not killed with it`, async (t) => {
    const { cells } = cellsIn(t, spoken)
    const before = await run(cells, { argv: ['sleep', '60'] })
    const killed = cells.killAll(new Set([before.cell.name]))
    const after = run(cells, { argv: ['sh', '-c', 'sleep 0.2; echo lives'] })
    await killed
    const { cell, text } = await after
    assert.deepEqual(await cell.exited(), { kind: 'exited', code: 0 })
    assert.equal(text(), 'lives\n')
    for (const each of [before.cell, cell]) each.close()
  })

  test(`${language}: one that is meant and is being started keeps nobody from being killed at one word`, async (t) => {
    const { cells, directory } = cellsIn(t, spoken)
    const before = await run(cells, { argv: ['sleep', '60'] })
    // With whoever starts programs: nobody is left where all were killed at one word.
    const group = stagesGroup(basename(directory))
    const members = group?.members() ?? []
    const name = `cell-${names++}`
    const next = run(cells, { name, argv: ['sleep', '60'] }).catch((error: unknown) => error)
    await cells.killAll(new Set([before.cell.name, name]))
    assert.deepEqual(await before.cell.exited(), { kind: 'signalled', signal: 'SIGKILL' })
    assert.deepEqual(group?.members().filter((pid) => members.includes(pid)) ?? [], [])
    const started = await next
    // It may have begun only since: whoever wants it dead sees to that when it has.
    if (started instanceof Error) assert.ok(started instanceof StartError)
    await cells.killAll(new Set([name]))
    assert.equal(cells.sweep(new Set(), await cells.inhabited()), 0, 'nothing of either is left')
    before.cell.close()
    const after = await run(cells, { argv: ['sh', '-c', 'echo lives'] })
    assert.deepEqual(await after.cell.exited(), { kind: 'exited', code: 0 })
    after.cell.close()
  })
}

test('to kill all of nobody kills nobody, whoever runs or is being started', async (t) => {
  const { cells } = cellsIn(t, [pythonNursery])
  await cells.killAll(new Set())
  const before = await run(cells, { argv: ['sh', '-c', 'sleep 0.3; echo lives'] })
  const nobody = cells.killAll(new Set())
  const meanwhile = run(cells, { argv: ['sh', '-c', 'sleep 0.1; echo lives'] })
  await Promise.all([nobody, cells.killAll(new Set())])
  for (const { cell, text } of [before, await meanwhile]) {
    assert.deepEqual(await cell.exited(), { kind: 'exited', code: 0 })
    assert.equal(text(), 'lives\n')
    cell.close()
  }
})

test('cells that are held still do nothing until they are let go, and can be killed', async (t) => {
  const { cells } = cellsIn(t, [pythonNursery])
  if (stagesGroup('probe') === undefined) return t.skip('no control groups of version 2 here')
  const script = 'while :; do echo on; sleep 0.01; done'
  const [one, other] = [
    await run(cells, { argv: ['sh', '-c', script] }),
    await run(cells, { argv: ['sh', '-c', script] }),
  ]
  const lines = (): number => one.text().length + other.text().length
  const grows = async (withinMs: number): Promise<boolean> => {
    const before = lines()
    const untilMs = performance.now() + withinMs
    while (lines() === before && performance.now() < untilMs)
      await new Promise((resolve) => setTimeout(resolve, 20))
    return lines() > before
  }
  const soonMs = 10_000
  const whileMs = 250
  assert.equal(await grows(soonMs), true)
  const [first, second] = [cells.still(), cells.still()]
  // What was written is still to be read.
  while (await grows(whileMs)) {}
  first()
  first()
  assert.equal(await grows(whileMs), false, 'somebody else still wants them to be')
  second()
  assert.equal(await grows(soonMs), true)
  const letGo = cells.still()
  await cells.killAll(new Set([one.cell.name, other.cell.name]))
  letGo()
  for (const { cell } of [one, other]) {
    assert.deepEqual(await cell.exited(), { kind: 'signalled', signal: 'SIGKILL' })
    cell.close()
  }
  assert.equal(await output(cells, { argv: ['echo', 'on'] }), 'on\n')
})

test('where the kernel kills nobody at one word, all are killed as well, also who has no mark', async (t) => {
  const directory = temporaryDirectory(t)
  const owner = basename(directory)
  const groups = groupsWithoutRoom(t, owner)
  if (groups === undefined) return t.skip('no control groups of version 2 here')
  const cells = new SystemCells(directory, owner, [pythonNursery])
  t.after(() => cells.close())
  assert.equal(stagesGroup(owner), undefined)
  const [file, unmarked] = [join(directory, 'pid'), join(directory, 'unmarked')]
  const lives = "trap '' TERM; while :; do sleep 0.1; done"
  writeFileSync(unmarked, `echo $$ >${file}.draft; mv ${file}.draft ${file}; ${lives}`)
  const script = `env -i PATH=$PATH setsid sh ${unmarked} & ${lives}`
  const env = { PATH: process.env.PATH ?? '' }
  const running = await Promise.all(
    [script, lives].map((text) => run(cells, { argv: ['sh', '-c', text], env })),
  )
  await realPassage.until('a program without a mark', () => existsSync(file))
  const pid = Number(readFileSync(file, 'utf8'))
  const isShared = readFileSync(`/proc/${pid}/cgroup`, 'utf8').includes(owner)
  await cells.killAll(new Set(running.map(({ cell }) => cell.name)))
  for (const { cell } of running) {
    assert.deepEqual(await cell.exited(), { kind: 'signalled', signal: 'SIGKILL' })
    assert.equal(await isEmpty(realPassage, cell), true)
    cell.close()
  }
  // One that nobody has waited for yet is dead as well.
  if (isShared) assert.equal(processStatus(pid)?.ended ?? true, true)
  else process.kill(pid, 'SIGKILL')
  assert.equal(await output(cells, { argv: ['echo', 'on'] }), 'on\n')
})

test('a cell that is over, and not let go of yet, keeps nobody from being killed at one word', async (t) => {
  const directory = temporaryDirectory(t)
  const cells = new SystemCells(directory, basename(directory), [pythonNursery])
  t.after(() => cells.close())
  const env = { PATH: process.env.PATH ?? '' }
  const over = await run(cells, { argv: ['true'], env })
  await over.cell.exited()
  const unmarked = join(directory, 'unmarked')
  const lives = "trap '' TERM; while :; do sleep 0.1; done"
  const script = `env -i PATH=$PATH setsid sh -c 'echo $$ >${unmarked}.draft; mv ${unmarked}.draft ${unmarked}; exec sleep 60' & ${lives}`
  const { cell } = await run(cells, { argv: ['sh', '-c', script], env })
  await realPassage.until('a program without a mark', () => existsSync(unmarked))
  const pid = Number(readFileSync(unmarked, 'utf8'))
  const isHeld = readFileSync(`/proc/${pid}/cgroup`, 'utf8').includes(basename(directory))
  await cells.killAll(new Set([cell.name]))
  assert.deepEqual(await cell.exited(), { kind: 'signalled', signal: 'SIGKILL' })
  if (isHeld) assert.equal(processStatus(pid)?.ended ?? true, true)
  else process.kill(pid, 'SIGKILL')
  for (const each of [over.cell, cell]) each.close()
})

/** A group of the agent's in which it can make no other. */
function groupsWithoutRoom(t: TestContext, owner: string): string | undefined {
  const group = stagesGroup(owner)
  if (group === undefined) return undefined
  group.remove()
  const { directory } = group.parent
  // An empty one would be cleared away.
  mkdirSync(join(directory, 'other'))
  writeFileSync(join(directory, 'cgroup.max.descendants'), '1')
  t.after(() => {
    rmdirSync(join(directory, 'other'))
    group.parent.remove()
  })
  return directory
}
