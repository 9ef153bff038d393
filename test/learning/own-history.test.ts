/** A host's memory of its own attempts: kept across lives, bounded, deletable, and never in the way. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Lesson } from '../../agent/learning/lesson.ts'
import { learningLimits } from '../../agent/learning/limits.ts'
import { OwnHistory } from '../../agent/learning/own-history.ts'
import { putRow } from '../../agent/learning/rows.ts'
import { profileLimits } from '../../models/profiles/limits.ts'
import { DiskError } from '../../protocol/ports/disk.ts'
import type { Outcome } from '../../protocol/work/attempt.ts'
import { workflowLimits } from '../../protocol/workflow/limits.ts'
import type { HostPorts } from '../../simulations/world/host.ts'
import { World } from '../../simulations/world/world.ts'
import { MemoryDisk } from '../history/memory-disk.ts'

const succeeded: Outcome = { kind: 'succeeded', value: {} }
const task = 'program/true/00'

function lesson(
  wallMs: number,
  rest: Partial<Lesson['finished']> = {},
  fingerprint = task,
): Lesson {
  const startedAtMs = 1_000
  const finished = { outcome: succeeded, usage: { wallMs }, startedAtMs, endedAtMs: 1_000 + wallMs }
  return {
    assignment: { fingerprint, workflow: 'w' },
    finished: { ...finished, ...rest },
    load: 0.5,
  }
}

class Bench {
  readonly world = new World({ seed: 'learning' })
  readonly disk = new MemoryDisk()
  readonly warnings: string[] = []
  readonly errors: string[] = []
  #ports: HostPorts | undefined

  constructor() {
    this.world.addHost('h').boot((ports) => {
      this.#ports = ports
    })
  }

  async life(): Promise<OwnHistory> {
    await this.world.runFor(1)
    const { clock, log } = this.#ports!
    const own = new OwnHistory(
      {
        clock,
        disk: this.disk,
        log: {
          ...log,
          child: () =>
            ({
              ...log,
              warn: (message: string) => this.warnings.push(message),
              error: (message: string) => this.errors.push(message),
            }) as typeof log,
        } as typeof log,
      },
      () => ({ cpus: 2 }),
    )
    await own.start()
    return own
  }

  rows(): string[] {
    return this.disk.keys().filter((key) => key.startsWith('learning/row/'))
  }
}

test('what ended is remembered in the next life of the agent', async () => {
  const bench = new Bench()
  const own = await bench.life()
  for (let i = 1; i <= 30; i++) own.learn(lesson(100 + i))
  const before = own.told(`w ${task}`)
  await own.stop()
  const later = await bench.life()
  assert.equal(before?.tookMs?.n, 30)
  assert.deepEqual(later.told(`w ${task}`), before)
  const [row] = await Array.fromAsync(later.rows())
  assert.deepEqual(row, {
    task,
    group: 'w',
    startedMs: 1_000,
    endedMs: 1_101,
    ended: 'succeeded',
    cpus: 2,
    load: 0.5,
  })
})

test('an attempt took what it took from its turn on, whatever the calendar says', async () => {
  const own = await new Bench().life()
  const usage = { queueMs: 500, startMs: 80, wallMs: 120 }
  for (let i = 0; i < 5; i++) own.learn(lesson(0, { usage, endedAtMs: 7 }))
  assert.equal(own.told(`w ${task}`)?.tookMs?.p50, 200)
  const [row] = await Array.fromAsync(own.rows())
  assert.deepEqual([row?.startedMs, row?.endedMs], [920, 1_120])
})

test('rows are written a little later, many at once', async () => {
  const bench = new Bench()
  const own = await bench.life()
  let batches = 0
  bench.disk.onWrite = () => {
    batches++
  }
  for (let i = 0; i < 100; i++) own.learn(lesson(5))
  assert.equal(batches, 0)
  await bench.world.runFor(learningLimits.flushMs + 1)
  assert.equal(batches, 1)
  assert.equal(bench.rows().length, 100)
})

test('of one kind no more is kept than counts, on the disk as in memory', async () => {
  const bench = new Bench()
  const own = await bench.life()
  const max = profileLimits.attemptsPerKind
  for (let i = 0; i < max + 50; i++) own.learn(lesson(i))
  await own.stop()
  assert.equal(own.size, max)
  assert.equal(bench.rows().length, max)
  assert.equal((await bench.life()).size, max)
})

test('what says nothing of the work itself is not remembered', async () => {
  const own = await new Bench().life()
  const failed = (errorClass: 'lost' | 'transient'): Outcome => ({
    kind: 'failed',
    value: { errorClass, code: 'exit', message: 'm' },
  })
  const { startedAtMs: _, ...neverBegan } = lesson(5).finished
  own.learn(lesson(5, { outcome: { kind: 'cancelled', value: { reason: 'r' } } }))
  own.learn(lesson(5, { outcome: failed('lost') }))
  own.learn({ ...lesson(5), finished: neverBegan })
  own.learn({ ...lesson(5), assignment: { workflow: 'w' } })
  own.learn(lesson(5, {}, '../../etc/passwd'))
  assert.equal(own.size, 0)
  own.learn(lesson(5, { outcome: failed('transient') }))
  own.learn(
    lesson(5, { outcome: { kind: 'timedOut', value: { which: 'startToClose', afterMs: 5 } } }),
  )
  const told = own.told(`w ${task}`)
  assert.deepEqual([told?.tried, told?.succeeded, told?.tookMs], [2, 0, undefined])
})

test('a full disk costs rows, is told once, and is over when there is room', async () => {
  const bench = new Bench()
  const own = await bench.life()
  bench.disk.onWrite = () => {
    throw new DiskError('full', 'no room')
  }
  for (let round = 0; round < 3; round++) {
    own.learn(lesson(5))
    await bench.world.runFor(learningLimits.flushMs + 1)
  }
  assert.equal(own.lost, 3)
  assert.equal(bench.warnings.length, 1)
  bench.disk.onWrite = () => {}
  own.learn(lesson(5))
  await own.stop()
  assert.equal(bench.rows().length, 1)
})

test('while the disk takes nothing, no more waits than may', async () => {
  const bench = new Bench()
  const own = await bench.life()
  const { pendingMax, rowsPerBatch } = learningLimits
  bench.disk.write = () => new Promise<void>(() => {})
  for (let i = 0; i < 3 * pendingMax; i++) own.learn(lesson(5, {}, `program/p${i}/00`))
  assert.ok(own.size <= pendingMax + rowsPerBatch, String(own.size))
  assert.ok(own.lost >= 2 * pendingMax - rowsPerBatch)
})

test('what is purged is gone from memory, from the disk, and from the next life', async () => {
  const bench = new Bench()
  const own = await bench.life()
  for (let i = 0; i < 10; i++) own.learn(lesson(100, {}, 'program/a/00'))
  for (let i = 0; i < 10; i++) own.learn(lesson(200, {}, 'program/b/00'))
  await bench.world.runFor(learningLimits.flushMs + 1)
  // One is still on its way to the disk.
  own.learn(lesson(100, {}, 'program/a/00'))
  assert.equal(await own.purge({ task: 'program/a/00' }), 11)
  await own.stop()
  assert.equal(own.told('w program/a/00'), undefined)
  assert.equal(bench.rows().length, 10)
  const later = await bench.life()
  assert.deepEqual(
    later.kinds().map(({ task }) => task),
    ['program/b/00'],
  )
  assert.equal(await later.purge({ beforeMs: 1_199 }), 0)
  assert.equal(await later.purge({ beforeMs: 1_200 }), 10)
  assert.equal(bench.rows().length, 0)
})

test('a purge of much lets others have their turns, and learns what ends meanwhile when it is through', async () => {
  const bench = new Bench()
  const own = await bench.life()
  const kindOf = (i: number) => `program/p${i % 40}/00`
  for (let i = 0; i < 4_000; i++) own.learn(lesson(100, {}, kindOf(i)))
  await bench.world.runFor(learningLimits.flushMs + 1)
  let purged: number | undefined
  const purging = own.purge({ task: kindOf(0) }).then((count) => {
    purged = count
  })
  const turns = async (count: number) => {
    for (let i = 0; i < count; i++) await new Promise(setImmediate)
  }
  // Nobody else has had a turn yet, by the clock of this world.
  await turns(200)
  assert.equal(purged, undefined)
  own.learn(lesson(100, {}, 'program/meanwhile/00'))
  await bench.world.runFor(100)
  await turns(20)
  assert.equal(purged, 100)
  await purging
  assert.equal(own.told('w program/meanwhile/00')?.tried, 1)
  assert.equal(own.size, 3_901)
  await own.stop()
  assert.equal(bench.rows().length, 3_901)
})

test('two purges at once forget what both mean', async () => {
  const bench = new Bench()
  const own = await bench.life()
  for (let i = 0; i < 1_000; i++) own.learn(lesson(100, {}, `program/p${i % 10}/00`))
  await bench.world.runFor(learningLimits.flushMs + 1)
  const purges = ['program/p1/00', 'program/p2/00'].map((each) => own.purge({ task: each }))
  for (let i = 0; i < 50; i++) await bench.world.runFor(10)
  assert.deepEqual(await Promise.all(purges), [100, 100])
  assert.equal(own.size, 800)
  assert.equal(own.told('w program/p1/00'), undefined)
  assert.equal(own.told('w program/p2/00'), undefined)
})

test('of a kind of which nothing is remembered any more no chance is left', async () => {
  const bench = new Bench()
  const own = await bench.life()
  const failed: Outcome = {
    kind: 'failed',
    value: { errorClass: 'transient', code: 'exit', message: 'm' },
  }
  for (let i = 0; i < 20; i++) own.learn(lesson(5, { outcome: failed }, 'program/old/00'))
  assert.ok((own.told('w program/old/00')?.chance ?? 1) < 0.2)
  for (let i = 0; i < profileLimits.attemptsMax; i++) {
    own.learn(lesson(5, {}, `program/p${i % 100}/00`))
    if (i % 1_000 === 0) await bench.world.runFor(learningLimits.flushMs + 1)
  }
  assert.equal(own.told('w program/old/00'), undefined)
  own.learn(lesson(5, {}, 'program/old/00'))
  assert.ok((own.told('w program/old/00')?.chance ?? 0) > 0.8)
})

/** Four more than are kept of a kind, while the disk takes nothing: it keeps the four oldest. */
async function forgottenOnlyInMemory(bench: Bench): Promise<OwnHistory> {
  const own = await bench.life()
  for (let i = 0; i < profileLimits.attemptsPerKind; i++) own.learn(lesson(5))
  await bench.world.runFor(learningLimits.flushMs + 1)
  bench.disk.onWrite = () => {
    throw new DiskError('full', 'no room')
  }
  for (let i = 0; i < 4; i++) own.learn(lesson(5))
  await bench.world.runFor(learningLimits.flushMs + 1)
  bench.disk.onWrite = () => {}
  assert.equal(bench.rows().length, profileLimits.attemptsPerKind)
  return own
}

test('what the disk did not let go of is purged as well, and does not come back', async () => {
  const bench = new Bench()
  const own = await forgottenOnlyInMemory(bench)
  await own.purge({ task })
  assert.deepEqual(bench.rows(), [])
  await own.stop()
  assert.equal((await bench.life()).size, 0)
})

test('what the disk did not let go of goes with what is written next, or with the end', async () => {
  for (const more of [0, 1]) {
    const bench = new Bench()
    const own = await forgottenOnlyInMemory(bench)
    for (let i = 0; i < more; i++) own.learn(lesson(5))
    await own.stop()
    // Four were never written down.
    assert.equal(bench.rows().length, profileLimits.attemptsPerKind - 4)
  }
})

test('a purge that was cut short is finished by the next one', async () => {
  const bench = new Bench()
  const own = await bench.life()
  own.learn(lesson(5))
  let scrubbed = 0
  bench.disk.scrub = async () => {
    if (scrubbed++ === 0) throw new DiskError('failed', 'no room to rewrite')
  }
  await assert.rejects(own.purge({}), DiskError)
  await own.purge({})
  assert.equal(scrubbed, 2)
})

test('what cannot be learned from is counted, and told once', async () => {
  const bench = new Bench()
  const own = await bench.life()
  for (let i = 0; i < 3; i++) own.notLearned(new Error('a mistake'))
  assert.equal(own.lost, 3)
  assert.equal(bench.errors.length, 1)
})

test('a row that cannot be read is cleared away', async () => {
  const bench = new Bench()
  const own = await bench.life()
  own.learn(lesson(5))
  await own.stop()
  const [key = ''] = bench.rows()
  await bench.disk.write([{ put: key, value: Uint8Array.of(0xff, 1) }])
  const later = await bench.life()
  assert.equal(later.size, 0)
  await later.stop()
  assert.equal(bench.rows().length, 0)
})

test('times that no attempt can have had are not learned, nor read from the disk', async () => {
  const bench = new Bench()
  const own = await bench.life()
  own.learn(lesson(workflowLimits.durationMsMax + 1_001))
  own.learn(lesson(100))
  await own.stop()
  assert.equal(own.size, 1)
  const row = { task, group: 'w', ended: 'succeeded', cpus: 2 } as const
  const poison = [
    putRow(7, { ...row, startedMs: 1_000, endedMs: Number.MAX_SAFE_INTEGER }),
    putRow(8, { ...row, startedMs: 5_000, endedMs: 1_000 }),
  ]
  await bench.disk.write(poison)
  const later = await bench.life()
  assert.equal(later.size, 1)
  assert.equal(later.told(`w ${task}`)?.tookMs?.p90, 100)
  await later.stop()
  assert.equal(bench.rows().length, 1, 'and it goes from there')
})

test('whoever follows hears of each attempt before it is remembered, and of what is forgotten', async () => {
  const bench = new Bench()
  const own = await bench.life()
  const heard: (number | undefined)[] = []
  let purges = 0
  own.follower = {
    ended: (_, plain) => {
      const { range, isOfKind } = plain()
      assert.equal(isOfKind, range !== undefined, 'all are of one kind')
      heard.push(range?.n)
    },
    purged: () => purges++,
  }
  for (let i = 0; i < profileLimits.groundMin + 2; i++) own.learn(lesson(100 + i))
  own.learn(lesson(100, { outcome: { kind: 'cancelled', value: { reason: '' } } as Outcome }))
  const { groundMin } = profileLimits
  assert.deepEqual(heard, [...Array(groundMin).fill(undefined), groundMin, groundMin + 1])
  await own.purge({})
  assert.equal(purges, 1)
})
