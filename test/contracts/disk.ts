/** What every `Disk` promises while nothing breaks. What a crash may take is told in test/world. */
import assert from 'node:assert/strict'
import { type Disk, DiskError, type ScanRange, within } from '../../protocol/ports/disk.ts'
import { outcome, rejection, type Subject } from './passage.ts'
import { promising } from './promise.ts'

export interface DiskSubject extends Subject {
  disk: Disk
  /** Closes what is open and opens the same data again. */
  reopen(): Promise<Disk>
}

const text = (value: string) => new TextEncoder().encode(value)
const plain = (value: Uint8Array | undefined) => value && new TextDecoder().decode(value)
const put = (key: string, value = key) => ({ put: key, value: text(value) })
const durable = { durable: true }
const volatile = { durable: false }

export function diskContract(name: string, make: () => Promise<DiskSubject> | DiskSubject): void {
  const it = promising(name, make)

  it('what was written is read, until it is written anew or deleted', async (subject) => {
    const { disk } = subject
    const does = <T>(what: string, promise: Promise<T>) => outcome(subject, what, promise)
    assert.equal(await does('get', disk.get('a')), undefined)
    await does('write', disk.write([put('a', 'one')], durable))
    assert.equal(plain(await does('get', disk.get('a'))), 'one')
    await does('write', disk.write([put('a', 'two')], volatile))
    assert.equal(plain(await does('get', disk.get('a'))), 'two')
    await does('write', disk.write([{ del: 'a' }, { del: 'never there' }], volatile))
    assert.equal(await does('get', disk.get('a')), undefined)
  })

  it('within a batch the last word on a key counts', async (subject) => {
    const { disk } = subject
    const batch = [
      put('a', '1'),
      { del: 'a' },
      put('b', '1'),
      put('b', '2'),
      put('c'),
      { del: 'c' },
    ]
    await outcome(subject, 'write', disk.write(batch, durable))
    assert.deepEqual(await all(subject, disk), ['b=2'])
  })

  it('an empty value is a value, and any bytes are', async (subject) => {
    const { disk } = subject
    const bytes = Uint8Array.from({ length: 256 }, (_, i) => i)
    const batch = [
      { put: 'empty', value: new Uint8Array(0) },
      { put: 'all', value: bytes },
    ]
    await outcome(subject, 'write', disk.write(batch, durable))
    assert.deepEqual(await outcome(subject, 'get', disk.get('empty')), new Uint8Array(0))
    assert.deepEqual(await outcome(subject, 'get', disk.get('all')), bytes)
  })

  it('what was deleted and scrubbed is gone, and nothing else is', async (subject) => {
    const { disk } = subject
    await outcome(subject, 'write', disk.write([put('a/1'), put('a/2'), put('b/1')], durable))
    await outcome(subject, 'write', disk.write([{ del: 'a/1' }], volatile))
    await outcome(subject, 'scrub', disk.scrub('a/'))
    assert.deepEqual(await all(subject, disk), ['a/2=a/2', 'b/1=b/1'])
    assert.deepEqual(await all(subject, await subject.reopen()), ['a/2=a/2', 'b/1=b/1'])
  })

  it('an empty batch changes nothing', async (subject) => {
    const { disk } = subject
    await outcome(subject, 'write', disk.write([], volatile))
    await outcome(subject, 'write', disk.write([], durable))
    assert.deepEqual(await all(subject, disk), [])
  })

  it('the caller may use its buffer again once it has handed it over', async (subject) => {
    const { disk } = subject
    const value = text('before')
    const written = disk.write([{ put: 'a', value }], durable)
    value.fill(0)
    await outcome(subject, 'write', written)
    assert.equal(plain(await outcome(subject, 'get', disk.get('a'))), 'before')
  })

  it('a batch handed over is read at once, in the order handed over', async (subject) => {
    const { disk } = subject
    const writes = Array.from({ length: 50 }, (_, i) =>
      disk.write([put('last', String(i)), put(`k${String(i).padStart(2, '0')}`)], {
        durable: i % 7 === 0,
      }),
    )
    await outcome(subject, 'all writes', Promise.all(writes))
    assert.equal(plain(await outcome(subject, 'get', disk.get('last'))), '49')
    assert.equal((await all(subject, disk, within('k'))).length, 50)
  })

  it('keys are ordered by their UTF-8 bytes, not as JavaScript compares texts', async (subject) => {
    const { disk } = subject
    const keys = ['a', 'Z', 'é', '\u{FFFD}', '\u{1F986}', 'a/b', 'a0', 'a-', '\u{7F}', '']
    const ordered = keys
      .filter((key) => key !== '')
      .sort((a, b) => Buffer.compare(text(a), text(b)))
    const batch = ordered.toReversed().map((key) => put(key, 'x'))
    await outcome(subject, 'write', disk.write(batch, durable))
    assert.deepEqual(await keysOf(subject, disk, { from: '', to: '\u{10FFFF}' }), ordered)
  })

  it('a scan has its first key, not its last, and knows to go backwards', async (subject) => {
    const { disk } = subject
    const batch = ['a', 'b', 'b/', 'b/1', 'b/2', 'b0', 'c'].map((key) => put(key))
    await outcome(subject, 'write', disk.write(batch, durable))
    const keys = (range: ScanRange) => keysOf(subject, disk, range)
    assert.deepEqual(await keys({ from: 'b', to: 'c' }), ['b', 'b/', 'b/1', 'b/2', 'b0'])
    assert.deepEqual(await keys(within('b/')), ['b/', 'b/1', 'b/2'])
    assert.deepEqual(await keys({ ...within('b/'), reverse: true }), ['b/2', 'b/1', 'b/'])
    assert.deepEqual(await keys({ ...within('b/'), limit: 2 }), ['b/', 'b/1'])
    assert.deepEqual(await keys({ ...within('b/'), reverse: true, limit: 1 }), ['b/2'])
    assert.deepEqual(await keys({ from: 'c', to: 'b' }), [])
    assert.deepEqual(await keys({ from: 'b', to: 'b' }), [])
    assert.deepEqual(await keys({ from: 'd', to: 'z' }), [])
    assert.deepEqual(await keys({ from: 'a', to: 'z', limit: 0 }), [])
  })

  it('a scan shows the store as it was when it began', async (subject) => {
    const { disk } = subject
    const keys = Array.from({ length: 20 }, (_, i) => `k${String(i).padStart(2, '0')}`)
    const before = keys.map((key) => put(key, 'old'))
    await outcome(subject, 'write', disk.write(before, durable))
    const scan = disk.scan(within('k'))[Symbol.asyncIterator]()
    const first = await outcome(subject, 'first', scan.next())
    const after = [...keys.map((key) => put(key, 'new')), put('k99'), { del: 'k10' }]
    await outcome(subject, 'write', disk.write(after, durable))
    const seen = [first]
    while (seen.at(-1)?.done !== true) seen.push(await outcome(subject, 'next', scan.next()))
    const values = seen.flatMap(({ done, value }) =>
      done ? [] : [`${value[0]}=${plain(value[1])}`],
    )
    assert.deepEqual(
      values,
      keys.map((key) => `${key}=old`),
    )
  })

  it('a scan can be left early', async (subject) => {
    const { disk } = subject
    await outcome(subject, 'write', disk.write([put('a'), put('b'), put('c')], durable))
    const first = async () => {
      for await (const [key] of disk.scan({ from: '', to: 'z' })) return key
      return undefined
    }
    assert.equal(await outcome(subject, 'scan', first()), 'a')
    assert.equal(plain(await outcome(subject, 'get', disk.get('c'))), 'c')
  })

  it('everything survives being closed and opened again', async (subject) => {
    const { disk } = subject
    await outcome(subject, 'write', disk.write([put('a'), put('gone')], durable))
    await outcome(subject, 'write', disk.write([put('b'), { del: 'gone' }], volatile))
    const again = await outcome(subject, 'reopen', subject.reopen())
    assert.deepEqual(await all(subject, again), ['a=a', 'b=b'])
  })

  it('sync returns, with and without anything to make safe', async (subject) => {
    const { disk } = subject
    await outcome(subject, 'sync', disk.sync())
    await outcome(subject, 'write', disk.write([put('a')], volatile))
    await outcome(subject, 'sync', disk.sync())
    assert.deepEqual(await all(subject, disk), ['a=a'])
  })

  it('what was given before closing is finished', async (subject) => {
    const { disk } = subject
    const written = disk.write([put('a')], volatile)
    const closed = disk.close()
    await outcome(subject, 'write', written)
    await outcome(subject, 'close', closed)
    const again = await outcome(subject, 'reopen', subject.reopen())
    assert.deepEqual(await all(subject, again), ['a=a'])
  })

  it('a closed disk says so, and may be closed twice', async (subject) => {
    const { disk } = subject
    await outcome(subject, 'close', disk.close())
    await outcome(subject, 'close', disk.close())
    const attempts: [string, () => Promise<unknown>][] = [
      ['get', () => disk.get('a')],
      ['write', () => disk.write([put('a')], durable)],
      ['sync', () => disk.sync()],
      ['scan', () => collect(disk, within('a'))],
    ]
    for (const [what, attempt] of attempts) {
      const error = await rejection(subject, what, attempt())
      assert.ok(error instanceof DiskError, what)
      assert.equal(error.code, 'closed', what)
    }
  })
}

async function collect(
  disk: Disk,
  range: ScanRange,
): Promise<(readonly [key: string, value: Uint8Array])[]> {
  const entries: (readonly [key: string, value: Uint8Array])[] = []
  for await (const entry of disk.scan(range)) entries.push(entry)
  return entries
}

async function keysOf(subject: DiskSubject, disk: Disk, range: ScanRange): Promise<string[]> {
  const entries = await outcome(subject, 'scan', collect(disk, range))
  return entries.map(([key]) => key)
}

async function all(
  subject: DiskSubject,
  disk: Disk,
  range: ScanRange = { from: '', to: '\u{10FFFF}' },
): Promise<string[]> {
  const entries = await outcome(subject, 'scan', collect(disk, range))
  return entries.map(([key, value]) => `${key}=${plain(value)}`)
}
