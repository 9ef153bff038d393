/**
 * What every `Cells` promises. The simulated host knows the same command lines; `cellShell` names
 * every script that it has to know besides those of the processes contract.
 */
import assert from 'node:assert/strict'
import type { Cell, CellExit, CellSpec, Cells, OnCellOutput } from '../../protocol/ports/cells.ts'
import { StartError } from '../../protocol/ports/processes.ts'
import { outcome, type Passage, rejection, type Subject } from './passage.ts'
import { shell } from './processes.ts'
import { promising } from './promise.ts'

export interface CellsSubject extends Subject {
  /** Of the life that the agent is in. */
  cells: Cells
  /** A directory that exists, by its true path. */
  directory: string
  /** Whether ends are kept, and accounts of what a program took though nobody looked. */
  keeps: boolean
  /** What a program leaves behind ends with it, at once, without anybody's doing. */
  leavesNothing?: boolean
  /**
   * Starts the cell in a life of the agent that is killed once the program has said `ready`; from
   * then on `cells` is of the next life. Resolves with the trace.
   */
  inEarlierLife(spec: CellSpec): Promise<string>
}

/** Run by `/bin/sh -c`. */
export const cellShell = {
  // Ends when who escapes has got away: one that is about to become another program bears no mark.
  escapes: `trap up=1 USR1; setsid sh -c "kill -USR1 $$; sleep 60; :" >/dev/null 2>&1 &
    while [ -z "$up" ]; do sleep 0.01; done; echo ready; exit 0`,
  burns: 'i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done; echo ready; sleep 60',
  burnsAndEnds: 'i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done',
  ticks: 'echo ready; while :; do echo tick; sleep 0.02; done',
  pours: 'trap "head -c 1000000 /dev/zero; exit 0" TERM; echo ready; while :; do sleep 0.02; done',
  endsLater: 'echo ready; sleep 0.2; echo last; exit 3',
  grown: 'x=$(head -c 100000000 /dev/zero | tr "\\0" x); echo ready; sleep 60; :',
  hoards: 'head -c 400000000 /dev/zero | tail | wc -c',
} as const

const LOOK_AGAIN_MS = 10
const path = { PATH: '/usr/bin:/bin' }

export function cellsContract(
  name: string,
  make: () => Promise<CellsSubject> | CellsSubject,
): void {
  const it = promising(name, make)

  it('a program runs with what it was given, and its end and its outputs are told', async (subject) => {
    const run = await start(subject, sh(shell.exitThree))
    assert.deepEqual(await run.exit(), { kind: 'exited', code: 3 })
    const other = await start(subject, sh(shell.bothOutputs))
    assert.deepEqual(await other.exit(), { kind: 'exited', code: 0 })
    assert.deepEqual([other.stdout(), other.stderr()], ['out', 'err'])
    const there = await start(subject, sh(shell.printsDirectory))
    await there.exit()
    assert.equal(there.stdout(), `${subject.directory}\n`)
    const echo = await start(subject, { argv: ['/bin/echo', '$HOME *', 'a;b', '"c"', "it's"] })
    await echo.exit()
    assert.equal(echo.stdout(), '$HOME * a;b "c" it\'s\n')
    const reads = await start(subject, { argv: ['/bin/cat'] })
    assert.deepEqual(
      await reads.exit(),
      { kind: 'exited', code: 0 },
      'there is no input to wait for',
    )
  })

  it('cells that are killed together are empty when that is done, and no other is touched', async (subject) => {
    const escaping = await start(subject, { ...sh(cellShell.escapes) })
    const stubborn = await start(subject, sh(shell.ignoresTerm))
    const other = await start(subject, sh(shell.ignoresTerm))
    for (const run of [escaping, stubborn, other]) await run.ready()
    await subject.cells.killAll(new Set([escaping.cell.name, stubborn.cell.name, 'unknown']))
    for (const { cell } of [escaping, stubborn]) assert.equal(await isEmpty(subject, cell), true)
    assert.equal(await isEmpty(subject, other.cell), false)
    other.cell.kill()
  })

  it('one that takes a while to die is waited for when cells are killed together', async (subject) => {
    const grown = await start(subject, sh(cellShell.grown))
    await grown.ready()
    await subject.cells.killAll(new Set([grown.cell.name]))
    assert.equal(await isEmpty(subject, grown.cell), true)
  })

  it('the environment is what was given, and one variable more', async (subject) => {
    const env = { GREETING: "two words, 'quoted' $so\n", EMPTY: '', PWD: '/elsewhere', SHLVL: '7' }
    const run = await start(subject, { argv: ['/usr/bin/env'], env })
    await run.exit()
    const marks = run
      .stdout()
      .split('\n')
      .filter((line) => line.startsWith('SKEIN_CELL='))
    assert.equal(marks.length, 1)
    const rest = run.stdout().replace(`${marks[0]}\n`, '')
    const given = Object.entries(env).map(([name, value]) => `${name}=${value}`)
    assert.deepEqual(rest.slice(0, -1).split('\n').sort(), given.join('\n').split('\n').sort())
  })

  it('much output arrives whole, and before the exit', async (subject) => {
    const run = await start(subject, { argv: ['/usr/bin/head', '-c', '1000000', '/dev/zero'] })
    assert.deepEqual(await run.exit(), { kind: 'exited', code: 0 })
    assert.equal(run.stdoutBytes(), 1_000_000)
  })

  it('many at a time do not hear each other’s ends or outputs', async (subject) => {
    const begun = Array.from({ length: 30 }, (_, i) => {
      const spec = specOf(subject, { argv: ['/bin/echo', `${i}`] })
      return begin(subject, 'start', (onOutput) => subject.cells.start(spec, onOutput))
    })
    const runs: Run[] = []
    for (const run of begun) runs.push(await run())
    for (const [i, run] of runs.entries()) {
      assert.deepEqual(await run.exit(), { kind: 'exited', code: 0 })
      assert.equal(run.stdout(), `${i}\n`)
      run.cell.close()
    }
  })

  it('a program that ends by a signal is told from one that exits', async (subject) => {
    const run = await start(subject, sh(shell.killsItself))
    assert.deepEqual(await run.exit(), { kind: 'signalled', signal: 'SIGKILL' })
  })

  it('a signal reaches the program, which may ignore it unless it is SIGKILL', async (subject) => {
    const polite = await start(subject, sh(shell.catchesTerm))
    await polite.ready()
    assert.equal(polite.cell.groupEmpty(), false)
    assert.equal(await isEmpty(subject, polite.cell), false)
    assert.equal(polite.cell.signal('SIGTERM'), true)
    assert.deepEqual(await polite.exit(), { kind: 'exited', code: 7 })
    await subject.until('an empty group', () => polite.cell.groupEmpty())
    assert.equal(polite.cell.signal('SIGKILL'), false)
    assert.equal(await isEmpty(subject, polite.cell), true)
    const deaf = await start(subject, sh(shell.ignoresTerm))
    await deaf.ready()
    deaf.cell.signal('SIGTERM')
    await subject.advance(100)
    assert.equal(deaf.cell.groupEmpty(), false)
    deaf.cell.signal('SIGKILL')
    assert.deepEqual(await deaf.exit(), { kind: 'signalled', signal: 'SIGKILL' })
  })

  it('a stopped program does nothing until it is continued', async (subject) => {
    const run = await start(subject, sh(shell.catchesTerm))
    await run.ready()
    run.cell.signal('SIGSTOP')
    run.cell.signal('SIGTERM')
    await subject.advance(100)
    assert.equal(run.ended(), false)
    run.cell.signal('SIGCONT')
    assert.deepEqual(await run.exit(), { kind: 'exited', code: 7 })
  })

  it('a killed cell is empty, grandchildren and all', async (subject) => {
    const run = await start(subject, sh(shell.hasGrandchildren))
    await run.ready()
    run.cell.kill()
    assert.deepEqual(await run.exit(), { kind: 'signalled', signal: 'SIGKILL' })
    await untilEmpty(subject, run.cell)
  })

  it('what a program leaves behind in its group is seen and killed', async (subject) => {
    const run = await start(subject, sh(shell.leavesChild))
    assert.deepEqual(await run.exit(), { kind: 'exited', code: 0 })
    assert.equal(run.stdout(), 'ready\n')
    assert.equal(run.cell.groupEmpty(), subject.leavesNothing === true)
    run.cell.kill()
    await untilEmpty(subject, run.cell)
    assert.equal(run.cell.groupEmpty(), true)
  })

  it('what leaves the group for a session of its own is seen and killed', async (subject) => {
    const run = await start(subject, sh(cellShell.escapes))
    await run.exit()
    await subject.until('an empty group', () => run.cell.groupEmpty())
    const isGone = subject.leavesNothing === true
    assert.equal(await isEmpty(subject, run.cell), isGone)
    const twice = () => Promise.all([run.cell.seenEmpty(), run.cell.seenEmpty()])
    assert.deepEqual(await outcome(subject, 'a look', twice()), [isGone, isGone])
    await untilEmpty(subject, run.cell, () => run.cell.kill())
    assert.deepEqual(await outcome(subject, 'a look', twice()), [true, true])
  })

  it('cells are apart: killing one leaves the other alone', async (subject) => {
    const one = await start(subject, sh(shell.sleeps))
    const other = await start(subject, sh(shell.sleeps))
    await one.ready()
    await other.ready()
    one.cell.kill()
    await one.exit()
    assert.equal(await isEmpty(subject, other.cell), false)
    other.cell.kill()
    await other.exit()
  })

  it('while output is held the program waits, and nothing is lost', async (subject) => {
    const run = await start(subject, sh(cellShell.pours))
    await run.ready()
    run.cell.hold(true)
    run.cell.signal('SIGTERM')
    await subject.advance(200)
    assert.equal(run.stdout(), 'ready\n')
    assert.equal(run.ended(), false)
    run.cell.hold(false)
    assert.deepEqual(await run.exit(), { kind: 'exited', code: 0 })
    assert.equal(run.stdoutBytes(), 1_000_006)
  })

  it('a cell that was closed tells nothing more, and is swept', async (subject) => {
    const run = await start(subject, sh(cellShell.ticks))
    await run.ready()
    run.cell.close()
    const heard = run.stdoutBytes()
    await subject.advance(100)
    assert.equal(run.stdoutBytes(), heard)
    assert.ok(subject.cells.sweep(new Set(), await subject.cells.inhabited()) >= 1)
    await untilEmpty(subject, run.cell)
  })

  it('a sweep spares the cells that are named', async (subject) => {
    const kept = await start(subject, { ...sh(shell.sleeps), name: 'kept' })
    const stray = await start(subject, { ...sh(cellShell.escapes), name: 'stray' })
    await kept.ready()
    await stray.exit()
    const both = await subject.cells.inhabited()
    assert.ok(both.has('kept'))
    assert.equal(both.has('stray'), subject.leavesNothing !== true)
    const swept = subject.cells.sweep(new Set(['kept']), both)
    assert.ok(swept >= 1 || subject.leavesNothing === true)
    await untilEmpty(subject, stray.cell)
    assert.equal(await isEmpty(subject, kept.cell), false)
    assert.equal(subject.cells.sweep(new Set(['kept']), await subject.cells.inhabited()), 0)
    const one = await subject.cells.inhabited()
    assert.ok(one.has('kept') && !one.has('stray'))
    assert.equal(subject.cells.sweep(new Set(['kept']), one), 0)
    assert.equal(await isEmpty(subject, kept.cell), false)
    kept.cell.kill()
    await kept.exit()
  })

  it('what a program takes can be asked while it runs', async (subject) => {
    const run = await start(subject, sh(cellShell.burns))
    await run.ready()
    await subject.until('a look', () => {
      run.cell.observe()
      return (run.cell.usage().cpuUserMs ?? 0) > 0
    })
    const { cpuUserMs = 0, memoryPeakBytes = 0 } = run.cell.usage()
    assert.ok(cpuUserMs > 0 && cpuUserMs < 60_000, `${cpuUserMs} ms`)
    assert.ok(memoryPeakBytes > 100_000 && memoryPeakBytes < 100e6, `${memoryPeakBytes} bytes`)
    run.cell.kill()
    await run.exit()
    assert.ok((run.cell.usage().cpuUserMs ?? 0) > 0, 'and is known afterwards')
  })

  it('what a program took is known though nobody looked', async (subject) => {
    const run = await start(subject, sh(cellShell.burnsAndEnds))
    await run.exit()
    const { cpuUserMs } = run.cell.usage()
    if (subject.keeps) assert.ok(cpuUserMs !== undefined && cpuUserMs > 0, `${cpuUserMs} ms`)
    else assert.equal(cpuUserMs, undefined)
  })

  it('a limit is held to, or said not to be', async (subject) => {
    const limits = { memoryBytes: 64 << 20, cpuCores: 1, processesMax: 50 }
    const run = await start(subject, { ...sh(cellShell.hoards), limits })
    const exit = await run.exit()
    const enforced = !run.cell.unenforced.includes('memoryBytes')
    assert.equal(run.cell.outOfMemory(), enforced)
    assert.equal(exit.kind === 'exited' && exit.code === 0 && run.stdout() !== '0\n', !enforced)
    const free = await start(subject, { argv: ['/bin/true'] })
    assert.deepEqual(free.cell.unenforced, [])
    await free.exit()
  })

  it('what cannot be started says why', async (subject) => {
    const attempts: [Partial<CellSpec> & Pick<CellSpec, 'argv'>, string][] = [
      [{ argv: ['/no/such/program'] }, 'notFound'],
      [{ argv: ['/etc/passwd'] }, 'notExecutable'],
      [{ argv: ['/bin/echo'], cwd: '/no/such/directory' }, 'badDirectory'],
    ]
    for (const [partial, code] of attempts) {
      const started = subject.cells.start(specOf(subject, partial), () => {})
      const error = await rejection(subject, `start of ${partial.argv[0]}`, started)
      assert.ok(error instanceof StartError)
      assert.equal(error.code, code)
    }
  })

  it('the next life of the agent finds a cell that lives, and hears the rest of it', async (subject) => {
    const spec = specOf(subject, { ...sh(cellShell.ticks), name: 'survivor' })
    const trace = await subject.inEarlierLife(spec)
    const found = await find(subject, 'survivor', trace)
    assert.equal(await isEmpty(subject, found.cell), false)
    await subject.until('more ticks', () => found.stdout().includes('tick'))
    assert.equal(found.ended(), false)
    found.cell.kill()
    const exit = await found.exit()
    const killed = { kind: 'signalled', signal: 'SIGKILL' } as const
    assert.deepEqual(exit, subject.keeps ? killed : { kind: 'unknown' })
    await untilEmpty(subject, found.cell)
  })

  it('a cell is found by its name alone', async (subject) => {
    await subject.inEarlierLife(specOf(subject, { ...sh(cellShell.ticks), name: 'nameless' }))
    const found = await find(subject, 'nameless', undefined)
    await subject.until('more ticks', () => found.stdout().includes('tick'))
    assert.equal(found.cell.signal('SIGTERM'), true)
    await found.exit()
    await untilEmpty(subject, found.cell)
  })

  it('how a program ended while there was no agent is known, if it was to be kept', async (subject) => {
    for (const keepsExit of [true, false]) {
      const name = `ended-${keepsExit}`
      const spec = specOf(subject, { ...sh(cellShell.endsLater), name, keepsExit })
      const trace = await subject.inEarlierLife(spec)
      await subject.advance(600)
      const onOutput = (): void => {}
      const again = () =>
        outcome(subject, `find ${name}`, subject.cells.find(name, trace, onOutput))
      const found = await again()
      const known = keepsExit && subject.keeps
      // On a busy machine it may live on.
      if (known || found) {
        assert.ok(found, 'its end was kept')
        const exit = await outcome(subject, 'exit', found.exited())
        assert.deepEqual(exit, known ? { kind: 'exited', code: 3 } : { kind: 'unknown' })
        assert.equal(await isEmpty(subject, found), true)
        found.close()
      }
      assert.equal(await again(), undefined, 'nothing is left of it')
    }
  })

  it('how a program ends that keeps no record is not known to the next life', async (subject) => {
    const spec = specOf(subject, { ...sh(cellShell.ticks), name: 'unkept', keepsExit: false })
    const trace = await subject.inEarlierLife(spec)
    const found = await find(subject, 'unkept', trace)
    found.cell.kill()
    assert.deepEqual(await found.exit(), { kind: 'unknown' })
  })

  it('there is no cell of a name that nobody has used', async (subject) => {
    const found = subject.cells.find('nobody', undefined, () => {})
    assert.equal(await outcome(subject, 'find', found), undefined)
  })
}

function sh(script: string): Pick<CellSpec, 'argv'> {
  return { argv: ['/bin/sh', '-c', script] }
}

let names = 0

function specOf(
  subject: CellsSubject,
  partial: Partial<CellSpec> & Pick<CellSpec, 'argv'>,
): CellSpec {
  const plain = { cwd: subject.directory, env: path, limits: {}, keepsExit: true }
  return { name: `cell-${names++}`, ...plain, ...partial }
}

interface Run {
  cell: Cell
  exit(): Promise<CellExit>
  ended(): boolean
  /** The program has said `ready`. */
  ready(): Promise<void>
  stdoutBytes(): number
  stdout(): string
  stderr(): string
}

async function start(
  subject: CellsSubject,
  partial: Partial<CellSpec> & Pick<CellSpec, 'argv'>,
): Promise<Run> {
  return observed(subject, `start of ${partial.argv.join(' ')}`, (onOutput) =>
    subject.cells.start(specOf(subject, partial), onOutput),
  )
}

export function isEmpty(passage: Passage, cell: Cell): Promise<boolean> {
  return outcome(passage, 'a look', cell.seenEmpty())
}

/** `again`: what is done between two looks. */
export async function untilEmpty(
  passage: Passage,
  cell: Cell,
  again: () => void = () => {},
): Promise<void> {
  const isOver = async (): Promise<boolean> => {
    again()
    return isEmpty(passage, cell)
  }
  while (!(await isOver())) await passage.advance(LOOK_AGAIN_MS)
}

async function find(subject: CellsSubject, name: string, trace: string | undefined): Promise<Run> {
  return observed(subject, `find ${name}`, async (onOutput) => {
    const cell = await subject.cells.find(name, trace, onOutput)
    assert.ok(cell, `${name} should have been found`)
    return cell
  })
}

function observed(subject: CellsSubject, what: string, call: Call): Promise<Run> {
  return begin(subject, what, call)()
}

type Call = (onOutput: OnCellOutput) => Promise<Cell>

/** Calls at once; what is returned awaits it. */
function begin(subject: CellsSubject, what: string, call: Call): () => Promise<Run> {
  const chunks = { stdout: [] as Uint8Array[], stderr: [] as Uint8Array[] }
  const called = call((from, chunk) => void chunks[from].push(chunk))
  return async () => runOf(subject, await outcome(subject, what, called), chunks)
}

function runOf(
  subject: CellsSubject,
  cell: Cell,
  chunks: Record<'stdout' | 'stderr', Uint8Array[]>,
): Run {
  const text = (from: 'stdout' | 'stderr') => Buffer.concat(chunks[from]).toString()
  let ended = false
  void cell.exited().then(() => {
    ended = true
  })
  return {
    cell,
    exit: () => outcome(subject, 'exit', cell.exited()),
    ended: () => ended,
    ready: () => subject.until('the program to be ready', () => text('stdout').includes('ready')),
    stdoutBytes: () => chunks.stdout.reduce((sum, chunk) => sum + chunk.length, 0),
    stdout: () => text('stdout'),
    stderr: () => text('stderr'),
  }
}
