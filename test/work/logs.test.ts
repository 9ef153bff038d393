/** What attempts write: all of it where it is little, its beginning and its end where it is not. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { logLimits } from '../../agent/work/limits.ts'
import { AttemptLog } from '../../agent/work/logs/attempt-log.ts'
import { EndRing } from '../../agent/work/logs/end-ring.ts'
import { LogFiles } from '../../agent/work/logs/log-files.ts'
import type { LogPiece } from '../../agent/work/logs/log-shelf.ts'
import { fitting, lastTextOf } from '../../agent/work/texts.ts'
import {
  type Workspace,
  WorkspaceError,
  type WorkspaceFile,
} from '../../protocol/ports/workspace.ts'
import type { Assignment } from '../../protocol/work/attempt.ts'
import { workLimits } from '../../protocol/work/limits.ts'
import type { Program } from '../../simulations/world/programs.ts'
import { ManualClock } from '../links/stage.ts'
import { Stage } from './stage.ts'

const forever = new AbortController().signal
const MIB = 2 ** 20

/** Writes so many pieces of so many bytes, each full of the letter of its number. */
function writes(pieces: number, bytes: number, everyMs = 1): Program {
  return (self) => {
    const write = (i: number): void => {
      if (i === pieces) return self.exit(0)
      self.stdout(String.fromCharCode(97 + (i % 26)).repeat(bytes))
      self.after(everyMs, () => write(i + 1))
    }
    write(0)
  }
}

interface Reading {
  pieces: LogPiece[]
  over: boolean
}

function read(stage: Stage, of: Assignment, from = 0, follow = false): Reading {
  const reading: Reading = { pieces: [], over: false }
  const log = stage.desk!.readLog(of.id, { from, follow, signal: forever })
  assert.ok(log, 'there is a log')
  void (async () => {
    for await (const piece of log) reading.pieces.push(piece)
    reading.over = true
  })()
  return reading
}

async function wholeLog(stage: Stage, of: Assignment, from = 0): Promise<LogPiece[]> {
  const reading = read(stage, of, from)
  await stage.until(() => reading.over, 'it is read')
  return reading.pieces
}

const textOf = (pieces: readonly LogPiece[]) =>
  pieces.map(({ bytes }) => Buffer.from(bytes).toString()).join('')

test('a log is kept whole, can be read from any place, and outlives its attempt and its agent', async () => {
  const stage = await new Stage({ programs: { work: writes(30, 100_000) } }).ready()
  stage.leader.commits = true
  const work = stage.assignment(['work'])
  stage.leader.assign(work)
  const { logTail, usage } = await stage.over(work)
  assert.equal(usage.logBytes, 3_000_000)
  assert.equal(logTail, 'd'.repeat(workLimits.logTailBytesMax))
  await stage.until(() => stage.desk!.uncommitted === 0, 'it is forgotten')
  await stage.world.runFor(1_000)
  const whole = textOf(await wholeLog(stage, work))
  assert.equal(whole.length, 3_000_000)
  assert.equal(textOf(await wholeLog(stage, work, 2_950_000)), whole.slice(2_950_000))
  await stage.again('kill')
  assert.equal(textOf(await wholeLog(stage, work)), whole)
  const other = { ...work.id, attempt: 9 }
  const nothing = stage.desk!.readLog(other, { from: 0, follow: false, signal: forever })
  assert.equal(nothing, undefined)
})

test('of a log that is too long the beginning and the end are kept, and the gap shows', async () => {
  const logBytesMax = MIB
  const programs = { work: writes(640, 100_000) }
  const stage = await new Stage({ programs, work: { logBytesMax } }).ready()
  const work = stage.assignment(['work'])
  stage.leader.assign(work)
  const { usage } = await stage.over(work)
  await stage.world.runFor(1_000)
  assert.equal(usage.logBytes, 64_000_000)
  const pieces = await wholeLog(stage, work)
  const kept = pieces.reduce((sum, { bytes }) => sum + bytes.length, 0)
  assert.equal(kept, logBytesMax)
  assert.deepEqual(
    pieces.map(({ at }) => at),
    [0, 64_000_000 - logLimits.tailBytes],
  )
  assert.ok(stage.host.processTable.files.size > 0)
  let onDisk = 0
  for (const files of stage.host.processTable.files.values()) {
    for (const bytes of files.values()) onDisk += bytes.length
  }
  assert.ok(onDisk <= logBytesMax)
})

test('whoever reads a log while it is put away reads all that is kept', async () => {
  const logBytesMax = MIB
  const programs = { work: writes(40, 100_000), silent: writes(0, 0) }
  const stage = await new Stage({ programs, work: { logBytesMax } }).ready()
  for (const [program, keptBytes] of [
    ['work', logBytesMax],
    ['silent', 0],
  ] as const) {
    const work = stage.assignment([program])
    stage.leader.assign(work)
    const readings: Reading[] = []
    const isOver = () => stage.leader.resultsOf(work).length > 0
    if (program === 'work') await stage.world.runFor(35)
    for (let i = 0; !isOver() || i % 50 !== 0; i++) {
      await stage.world.runFor(0.1)
      const isKept = stage.desk!.readLog(work.id, { from: 0, follow: true, signal: forever })
      if (isKept) readings.push(read(stage, work, 0, true))
    }
    await stage.until(() => readings.every(({ over }) => over), 'all are read')
    for (const { pieces } of readings.slice(-200)) {
      const ends = pieces.at(-1)
      assert.equal((ends?.at ?? 0) + (ends?.bytes.length ?? 0), keptBytes === 0 ? 0 : 4_000_000)
    }
    assert.ok(readings.length > 10)
  }
})

test('a log is read live, as it is written, and the reading ends with the attempt', async () => {
  const stage = await new Stage({ programs: { work: writes(10, 1_000, 1_000) } }).ready()
  const work = stage.assignment(['work'])
  stage.leader.assign(work)
  await stage.world.runFor(2_500)
  const reading = read(stage, work, 500, true)
  await stage.world.runFor(10)
  const sofar = textOf(reading.pieces)
  assert.ok(sofar.length >= 1_500 && sofar.length < 5_000)
  assert.ok(!reading.over)
  await stage.world.runFor(3_000)
  assert.ok(textOf(reading.pieces).length >= sofar.length + 2_000)
  await stage.until(() => reading.over, 'it ends')
  assert.equal(textOf(reading.pieces).length, 9_500)
  let at = 500
  for (const piece of reading.pieces) {
    assert.equal(piece.at, at)
    at += piece.bytes.length
  }
})

test('a live reader of a flood misses what it is too slow for, and knows what', async () => {
  const logBytesMax = 2 * logLimits.tailBytes
  const programs = { work: writes(300, 100_000) }
  const stage = await new Stage({ programs, work: { logBytesMax } }).ready()
  const work = stage.assignment(['work'])
  stage.leader.assign(work)
  await stage.until(() => stage.desk!.running === 1, 'it runs')
  const reading = read(stage, work, 0, true)
  await stage.until(() => reading.over, 'it ends')
  const last = reading.pieces.at(-1)!
  assert.equal(last.at + last.bytes.length, 30_000_000)
  for (const { at, bytes } of reading.pieces) {
    const letterAt = (place: number) => 97 + (Math.floor(place / 100_000) % 26)
    assert.equal(bytes[0], letterAt(at))
    assert.equal(bytes.at(-1), letterAt(at + bytes.length - 1))
  }
})

test('the oldest logs go when all take too much, and those that are too old', async () => {
  const programs = { work: writes(1, 400_000) }
  const work = { logsBytesMax: MIB, logsAgeMs: 3_600_000 }
  const stage = await new Stage({ programs, work }).ready()
  const all = Array.from({ length: 4 }, () => stage.assignment(['work']))
  for (const each of all) {
    stage.leader.assign(each)
    await stage.over(each)
    await stage.world.runFor(1_000)
  }
  const kept = () =>
    all.map(
      ({ id }) =>
        stage.desk!.readLog(id, { from: 0, follow: false, signal: forever }) !== undefined,
    )
  assert.deepEqual(kept(), [false, false, true, true])
  await stage.world.runFor(2 * 3_600_000)
  assert.deepEqual(kept(), [false, false, false, false])
  assert.deepEqual([...stage.host.processTable.files.keys()], [])
})

/** A log on files that answer when they are told to. */
function onSlowFiles(): {
  log: AttemptLog
  clock: ManualClock
  answer: (error?: Error) => Promise<void>
} {
  const waiting: PromiseWithResolvers<void>[] = []
  const append = () => {
    const answered = Promise.withResolvers<void>()
    waiting.push(answered)
    return answered.promise
  }
  const file = () => ({ append, write: append }) as unknown as WorkspaceFile
  const files = new LogFiles({ file } as unknown as Workspace, 'a1-1')
  const answer = async (error?: Error) => {
    const next = waiting.shift()
    if (error) next?.reject(error)
    else next?.resolve()
    await new Promise((resolve) => setImmediate(resolve))
  }
  const clock = new ManualClock()
  return { log: new AttemptLog(clock, files, 16 * MIB), clock, answer }
}

test('a program that writes faster than the disk is made to wait, and goes on', async () => {
  const { log, answer } = onSlowFiles()
  const said: boolean[] = []
  log.onPressure = (held) => said.push(held)
  while (said.length === 0) log.append(new Uint8Array(50_000))
  assert.ok(log.totalBytes <= logLimits.pendingBytesMax + 50_000)
  await answer()
  assert.deepEqual(said, [true, false])
})

test('a program that was made to wait goes on also the next time', async () => {
  const { log, clock, answer } = onSlowFiles()
  const said: boolean[] = []
  log.onPressure = (held) => said.push(held)
  for (let times = 0; times < 3; times++) {
    log.append(new Uint8Array(logLimits.pendingBytesMax + 1))
    for (let pieces = 0; pieces < 4; pieces++) await answer()
    // All is written by then, and it looks once more.
    await clock.advance(logLimits.flushMs)
  }
  assert.deepEqual(said, [true, false, true, false, true, false])
})

test('a disk that is full ends the beginning of a log; its end is still there', async () => {
  const { log, answer } = onSlowFiles()
  const failures: string[] = []
  log.onFailure = (why) => failures.push(why)
  log.append(new Uint8Array(logLimits.pendingBytesMax + 1).fill(97))
  await answer(new WorkspaceError('full', 'no space is left'))
  log.append(new TextEncoder().encode('the end\n'))
  assert.match(failures.join(), /no space is left/)
  assert.match(log.lastText()!, /a+the end\n$/)
  assert.equal(log.extent.headBytes, 0)
  assert.equal(log.extent.tailBytes, logLimits.tailBytes)
})

test('the ring holds the last bytes, however they came', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 2_000 }),
      fc.array(fc.uint8Array({ maxLength: 1_500 }), { maxLength: 12 }),
      fc.integer({ min: 0, max: 2_500 }),
      (bytesMax, pieces, count) => {
        const ring = new EndRing(bytesMax)
        for (const piece of pieces) ring.push(piece)
        const all = Buffer.concat(pieces)
        const kept = Math.min(bytesMax, all.length)
        assert.equal(ring.length, kept)
        const wanted = Math.min(count, kept)
        assert.deepEqual([...ring.last(count)], [...all.subarray(all.length - wanted)])
      },
    ),
  )
})

test('texts are cut to what fits, and never within a letter', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary', maxLength: 200 }),
      fc.integer({ min: 4, max: 300 }),
      (text, bytesMax) => {
        const whole = text.toWellFormed()
        const first = fitting(whole, bytesMax)
        assert.ok(Buffer.byteLength(first) <= bytesMax)
        assert.ok(whole.startsWith(first))
        assert.ok(
          Buffer.byteLength(whole) - Buffer.byteLength(first) < 4 ||
            Buffer.byteLength(first) > bytesMax - 4,
        )
        const last = lastTextOf(Buffer.from(whole), bytesMax)
        assert.ok(Buffer.byteLength(last) <= bytesMax)
        assert.ok(whole.endsWith(last))
      },
    ),
  )
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 400 }),
      fc.integer({ min: 4, max: 300 }),
      (bytes, bytesMax) => {
        assert.ok(Buffer.byteLength(lastTextOf(bytes, bytesMax)) <= bytesMax)
      },
    ),
  )
})
