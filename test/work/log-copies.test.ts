/** Ends of logs on other hosts: what is sent, when, to whom, and what is kept of it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { BadQuestion } from '../../agent/requests/calls.ts'
import { copyLimits, logLimits } from '../../agent/work/limits.ts'
import { AttemptLog } from '../../agent/work/logs/attempt-log.ts'
import { rankedKeepers } from '../../agent/work/logs/copy-keepers.ts'
import { CopyAnswer, CopyFrame } from '../../agent/work/logs/copy-wire.ts'
import { LogCopies } from '../../agent/work/logs/log-copies.ts'
import type { LogFiles } from '../../agent/work/logs/log-files.ts'
import type { OpenLog } from '../../agent/work/logs/log-shelf.ts'
import { LogShipping } from '../../agent/work/logs/log-shipping.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import { decode, encode } from '../../protocol/wire/codec.ts'
import { ManualClock, silentLog } from '../links/stage.ts'
import { MemoryDisk } from '../telemetry/made-host.ts'

const AGE_MS = 24 * 60 * 60_000
const peersOf = (...names: string[]) => names as PeerId[]

/** Logs that are never written down. */
const noFiles = { append: async () => {}, writeTail: async () => {} } as unknown as LogFiles

/** One host whose attempts write, and others that keep what it sends. */
class Field {
  readonly clock = new ManualClock()
  readonly open: OpenLog[] = []
  readonly keepers = new Map<PeerId, LogCopies>()
  readonly sent: { to: PeerId; frame: CopyFrame }[] = []
  /** Asked before each question: whether it comes through, and whether its answer does. */
  fate: (to: PeerId) => 'arrives' | 'lost' | 'answer lost' = () => 'arrives'
  alive: PeerId[]
  readonly shipping: LogShipping
  readonly owner = 'host' as PeerId

  constructor(alive: PeerId[]) {
    this.alive = alive
    const ship = async (to: PeerId, frame: CopyFrame): Promise<boolean> => {
      this.sent.push({ to, frame })
      const fate = this.fate(to)
      if (fate === 'lost') return false
      const answer = await this.keepers.get(to)!.service(this.owner, encode(CopyFrame, frame))
      const read = decode(CopyAnswer, answer)
      return fate === 'arrives' && read.ok && read.value.taken
    }
    const shipper = { peers: () => this.alive, ship }
    this.shipping = new LogShipping(this.clock, shipper, () => this.open)
  }

  static async of(...names: string[]): Promise<Field> {
    const field = new Field(peersOf(...names))
    for (const peer of field.alive) await field.keeper(peer, new MemoryDisk())
    return field
  }

  async keeper(peer: PeerId, disk: MemoryDisk): Promise<LogCopies> {
    const copies = new LogCopies({ clock: this.clock, disk, log: silentLog }, AGE_MS)
    await copies.start()
    this.keepers.set(peer, copies)
    return copies
  }

  begin(stage: string): OpenLog {
    const log = new AttemptLog(this.clock, noFiles, 16 << 20)
    const id = { run: 'r1', stage, attempt: 1 }
    const fence = { term: 1, index: 1 }
    const one = { name: stage, id, fence, log, openedMs: this.clock.now() }
    this.open.push(one)
    this.shipping.begin()
    return one
  }

  end(one: OpenLog): void {
    this.open.splice(this.open.indexOf(one), 1)
  }

  /** What each keeper has of it, by name. */
  async kept({ id }: OpenLog): Promise<Record<string, { at: number; text: string }>> {
    const found: Record<string, { at: number; text: string }> = {}
    for (const [peer, copies] of this.keepers) {
      const copy = await copies.read(this.owner, id)
      if (copy) found[peer] = { at: copy.at, text: Buffer.from(copy.bytes).toString() }
    }
    return found
  }
}

const textBytes = (text: string) => new TextEncoder().encode(text)

test('of what ends within a second nothing is sent, and nothing runs on for it', async () => {
  const field = await Field.of('a', 'b', 'c')
  const before = field.clock.pending
  for (let i = 0; i < 50; i++) {
    const quick = field.begin(`s${i}`)
    quick.log.append(textBytes('a word'))
    await field.clock.advance(copyLimits.fromMs * 0.6)
    field.end(quick)
    await quick.log.close()
    field.shipping.forget(quick.name)
  }
  assert.deepEqual(field.sent, [])
  await field.clock.advance(2 * copyLimits.lookMs)
  assert.equal(field.clock.pending, before, 'no timer is left')
})

test('what a running attempt says goes to two others, each word once, and silence costs nothing', async () => {
  const field = await Field.of('a', 'b', 'c', 'd')
  const one = field.begin('s')
  one.log.append(textBytes('first '))
  await field.clock.advance(2 * copyLimits.lookMs)
  one.log.append(textBytes('second '))
  await field.clock.advance(10 * copyLimits.lookMs)
  const keepers = rankedKeepers(one.id, field.alive).slice(0, copyLimits.keepers)
  const kept = await field.kept(one)
  assert.deepEqual(Object.keys(kept).sort(), [...keepers].sort())
  for (const { at, text } of Object.values(kept)) assert.deepEqual([at, text], [0, 'first second '])
  const sent = field.sent.flatMap(({ frame }) => frame.pieces.map(({ bytes }) => bytes.length))
  assert.deepEqual(sent, [6, 6, 7, 7])
})

test('when what came of an attempt is committed its copies go', async () => {
  const field = await Field.of('a', 'b')
  const one = field.begin('s')
  one.log.append(textBytes('words'))
  await field.clock.advance(3 * copyLimits.lookMs)
  field.end(one)
  assert.equal(Object.keys(await field.kept(one)).length, 2)
  field.shipping.forget(one.name)
  await field.clock.advance(2 * copyLimits.lookMs)
  assert.deepEqual(await field.kept(one), {})
  for (const { count, bytes } of field.keepers.values()) assert.deepEqual([count, bytes], [0, 0])
})

test('an agent that has stopped sends nothing more, whatever ends then', async () => {
  const field = await Field.of('a', 'b')
  const one = field.begin('s')
  one.log.append(textBytes('words'))
  await field.clock.advance(3 * copyLimits.lookMs)
  const sent = field.sent.length
  assert.ok(sent > 0)
  field.end(one)
  field.shipping.stop()
  field.shipping.forget(one.name)
  field.begin('later').log.append(textBytes('more'))
  await field.clock.advance(3 * copyLimits.lookMs)
  assert.equal(field.sent.length, sent)
})

test('where one who keeps it dies another has all that is still in memory', async () => {
  const field = await Field.of('a', 'b', 'c')
  const one = field.begin('s')
  one.log.append(textBytes('before '))
  await field.clock.advance(3 * copyLimits.lookMs)
  const [dead] = rankedKeepers(one.id, field.alive)
  field.alive = field.alive.filter((peer) => peer !== dead)
  one.log.append(textBytes('after'))
  await field.clock.advance(2 * copyLimits.lookMs)
  const kept = await field.kept(one)
  assert.equal(kept[dead!]?.text, 'before ')
  for (const peer of field.alive) assert.equal(kept[peer]?.text, 'before after')
})

test('whatever is lost on the way, a copy is the end of the log as far as its keeper has heard', async () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('says' as const), bytes: fc.integer({ min: 1, max: 90_000 }) }),
    fc.record({ kind: fc.constant('says' as const), bytes: fc.integer({ min: 1, max: 200 }) }),
    fc.record({ kind: fc.constant('passes' as const), lost: fc.boolean(), answer: fc.boolean() }),
    fc.record({ kind: fc.constant('restarts' as const) }),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const field = new Field(peersOf('a'))
      const disk = new MemoryDisk()
      await field.keeper('a' as PeerId, disk)
      const one = field.begin('s')
      let whole = ''
      const say = (bytes: number): void => {
        const text = String.fromCharCode(97 + (whole.length % 26)).repeat(bytes)
        whole += text
        one.log.append(textBytes(text))
      }
      for (const each of steps) {
        if (each.kind === 'says') say(each.bytes)
        else if (each.kind === 'restarts') {
          await field.keepers.get('a' as PeerId)!.stop()
          await field.keeper('a' as PeerId, disk)
        } else {
          field.fate = () => (each.lost ? 'lost' : each.answer ? 'answer lost' : 'arrives')
          await field.clock.advance(copyLimits.lookMs)
        }
        const copy = (await field.kept(one)).a
        if (copy === undefined) continue
        assert.equal(whole.slice(copy.at, copy.at + copy.text.length), copy.text)
        assert.ok(copy.text.length <= copyLimits.copyBytesMax)
      }
      field.fate = () => 'arrives'
      await field.clock.advance(2 * copyLimits.lookMs)
      const { at = 0, text = '' } = (await field.kept(one)).a ?? {}
      assert.equal(at + text.length, whole.length, 'in the end it has the last word')
      const least = Math.min(whole.length, 1)
      assert.ok(text.length >= least)
    }),
    { numRuns: 60 },
  )
})

test('many short pieces do not lie about: a copy is a few records of bounded size', async () => {
  const field = new Field(peersOf('a'))
  const disk = new MemoryDisk()
  await field.keeper('a' as PeerId, disk)
  const one = field.begin('s')
  let most = 0
  for (let i = 0; i < 3 * copyLimits.copyPiecesMax; i++) {
    one.log.append(textBytes(`line ${i}\n`))
    await field.clock.advance(copyLimits.lookMs)
    most = Math.max(most, disk.entries.size)
  }
  assert.ok(most > 10 && most <= copyLimits.copyPiecesMax + 1, `${most} records`)
  const { text = '' } = (await field.kept(one)).a ?? {}
  assert.equal(text.split('\n').length, 3 * copyLimits.copyPiecesMax + 1)
})

test('a host that floods others pushes out its own copies, and nobody else’s', async () => {
  const clock = new ManualClock()
  const disk = new MemoryDisk()
  const copies = new LogCopies({ clock, disk, log: silentLog }, AGE_MS)
  await copies.start()
  const bytes = new Uint8Array(copyLimits.pieceBytesMax)
  const send = (owner: string, stage: string) =>
    copies.service(
      owner as PeerId,
      encode(CopyFrame, {
        sentAtMs: 1,
        pieces: [
          { id: { run: 'r', stage, attempt: 1 }, fence: { term: 1, index: 1 }, at: 0, bytes },
        ],
        unwanted: [],
      }),
    )
  await send('honest', 'one')
  const flood = (2 * copyLimits.copiesOfHostBytesMax) / copyLimits.pieceBytesMax
  for (let i = 0; i < flood; i++) await send('liar', `s${i}`)
  assert.ok(await copies.read('honest' as PeerId, { run: 'r', stage: 'one', attempt: 1 }))
  assert.ok(copies.bytes <= copyLimits.copiesOfHostBytesMax + 2 * copyLimits.pieceBytesMax)
  const of = (stage: string) => copies.read('liar' as PeerId, { run: 'r', stage, attempt: 1 })
  assert.equal(await of('s0'), undefined, 'its oldest went')
  assert.ok(await of(`s${flood - 1}`))
  const foreign = await copies.read('other' as PeerId, { run: 'r', stage: 'one', attempt: 1 })
  assert.equal(foreign, undefined, 'what one has sent is not told as of another')
  await clock.advance(AGE_MS + copyLimits.sweepEveryMs)
  await copies.stop()
  assert.equal(disk.entries.size, 0, 'what is old goes')
})

test('of several tries under one number the newest is kept, and an older one says nothing more', async () => {
  const field = await Field.of('a')
  const copies = field.keepers.get('a' as PeerId)!
  const id = { run: 'r', stage: 's', attempt: 1 }
  const send = (index: number, text: string, at = 0) =>
    copies.service(
      field.owner,
      encode(CopyFrame, {
        sentAtMs: index,
        pieces: [{ id, fence: { term: 1, index }, at, bytes: textBytes(text) }],
        unwanted: [],
      }),
    )
  await send(1, 'old')
  await send(2, 'new')
  await send(1, ' and older', 3)
  const copy = await copies.read(field.owner, id)
  assert.equal(Buffer.from(copy!.bytes).toString(), 'new')
})

test('a copy has no gaps, and a new life of its host begins it anew', async () => {
  const field = await Field.of('a')
  const copies = field.keepers.get('a' as PeerId)!
  const id = { run: 'r', stage: 's', attempt: 1 }
  const send = async (text: string, at: number, anew?: true) => {
    const piece = { id, fence: { term: 1, index: 1 }, at, bytes: textBytes(text) }
    const pieces = [anew === undefined ? piece : { ...piece, anew }]
    await copies.service(field.owner, encode(CopyFrame, { sentAtMs: 1, pieces, unwanted: [] }))
    const copy = await copies.read(field.owner, id)
    return `${copy!.at} ${Buffer.from(copy!.bytes).toString()}`
  }
  assert.equal(await send('first', 0), '0 first')
  // What its keeper had of it was lost with a crash, say: what lay between is nowhere.
  assert.equal(await send('later', 20), '20 later')
  // What the life before had not put on its disk, the next one says otherwise.
  assert.equal(await send('new', 20, true), '20 new')
  assert.equal(await send('er', 23), '20 newer')
})

test('what is no frame is refused, and while it is closed nothing is taken', async () => {
  const field = await Field.of('a')
  const copies = field.keepers.get('a' as PeerId)!
  await assert.rejects(copies.service(field.owner, new Uint8Array([255, 255])), BadQuestion)
  await copies.stop()
  const frame = encode(CopyFrame, { sentAtMs: 1, pieces: [], unwanted: [] })
  const answer = decode(CopyAnswer, await copies.service(field.owner, frame))
  assert.deepEqual(answer, { ok: true, value: { taken: false } })
})

test('a flood of words is sent at a bounded pace, and everybody has a turn', async () => {
  const field = await Field.of('a', 'b', 'c')
  const all = Array.from({ length: 40 }, (_, i) => field.begin(`s${i}`))
  for (let look = 0; look < 40; look++) {
    for (const { log } of all) log.append(new Uint8Array(logLimits.tailBytes))
    const before = field.sent.length
    await field.clock.advance(copyLimits.lookMs)
    const bytes = field.sent
      .slice(before)
      .flatMap(({ frame }) => frame.pieces)
      .reduce((sum, piece) => sum + piece.bytes.length, 0)
    assert.ok(bytes <= copyLimits.bytesPerLook + copyLimits.keepers * copyLimits.pieceBytesMax)
  }
  for (const one of all) assert.equal(Object.keys(await field.kept(one)).length, 2)
})

test('who keeps an attempt’s log does not change when others come or go', () => {
  const peers = Array.from({ length: 12 }, (_, i) => `12D3KooW${i}`)
  const names = fc.record({ stage: fc.string(), gone: fc.subarray(peers, { maxLength: 9 }) })
  fc.assert(
    fc.property(names, ({ stage, gone }) => {
      const id = { run: 'r', stage, attempt: 1 }
      const left = peers.filter((peer) => !gone.includes(peer))
      const all = rankedKeepers(id, peersOf(...peers)).filter((peer) => !gone.includes(peer))
      assert.deepEqual(rankedKeepers(id, peersOf(...left.toReversed())), all)
    }),
  )
  const counts = new Map<string, number>()
  for (let i = 0; i < 1_200; i++) {
    const [first] = rankedKeepers({ run: 'r', stage: `s${i}`, attempt: 1 }, peersOf(...peers))
    counts.set(first!, (counts.get(first!) ?? 0) + 1)
  }
  assert.ok(Math.min(...peers.map((peer) => counts.get(peer) ?? 0)) > 50, 'each has its share')
})
