import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Command } from '../../protocol/ledger/catalogue.ts'
import { EventRing } from '../../protocol/ledger/event-ring.ts'
import { type Cursor, cursorAfterIndex } from '../../protocol/ledger/events.ts'
import { KvSpace } from '../../protocol/ledger/kv-space.ts'
import type { Appended, Ledger, StopReason, Watched } from '../../protocol/ledger/ledger.ts'
import { type LocalLimits, localLimits } from '../../protocol/ledger/limits.ts'
import { read } from '../../protocol/ledger/read.ts'
import { field, message, text } from '../../protocol/wire/schema.ts'
import { bytesOf, Replica } from './stage.ts'

const Note = message('Note', { words: field(1, text(64)) })
const options = { timeoutMs: 1_000 }
const local = { consistency: 'local', timeoutMs: 0 } as const

/** A ledger of one, which forgets events soon and answers lists in short pages. */
class Solitary implements Ledger {
  readonly replica = new Replica()
  stop: StopReason | undefined
  private readonly limits: LocalLimits
  private readonly ring: EventRing
  private readonly waiting = new Set<() => void>()

  constructor(changed: Partial<LocalLimits> = {}) {
    this.limits = { ...localLimits, ...changed }
    this.ring = new EventRing(0, this.limits)
  }

  async append(command: Command): Promise<Appended> {
    const { result, events, repeated } = this.replica.apply(this.replica.seal(command))
    const { index } = this.replica.state
    this.ring.push(index, events)
    this.wake()
    return { kind: 'applied', index, result, repeated }
  }

  read: Ledger['read'] = async (query) => {
    return { kind: 'read', ...read(this.replica.state, query, this.limits) }
  }

  async *watch(from: Cursor | 'now', signal: AbortSignal): AsyncIterable<Watched> {
    let cursor = from === 'now' ? cursorAfterIndex(this.replica.state.index) : from
    while (!signal.aborted) {
      if (this.stop) return yield { kind: 'stopped', because: this.stop }
      const resumed = this.ring.resume(cursor)
      if (resumed.kind === 'gap') {
        cursor = cursorAfterIndex(resumed.readAt)
        yield resumed
      } else if (resumed.kind === 'events') {
        cursor = resumed.next
        for (const event of resumed.events) yield { kind: 'event', event }
        if (resumed.events.length === 0) await this.changed(signal)
      }
    }
  }

  lead: Ledger['lead'] = () => {
    throw new Error('nobody asks')
  }

  wake(): void {
    for (const resolve of this.waiting) resolve()
    this.waiting.clear()
  }

  private changed(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      this.waiting.add(resolve)
      signal.addEventListener('abort', () => resolve())
    })
  }
}

test('a module writes on condition, and is told what stands in the way', async () => {
  const ledger = new Solitary()
  const space = new KvSpace(ledger, 'notes', Note)
  assert.deepEqual(await space.put('a', { words: 'one' }, { ...options, expect: 0 }), {
    kind: 'written',
    revision: 1,
  })
  assert.deepEqual(await space.put('a', { words: 'two' }, { ...options, expect: 0 }), {
    kind: 'rejected',
    code: 'conflict',
    revision: 1,
  })
  const got = await space.get('a', local)
  assert.ok(got.kind === 'read')
  assert.deepEqual(got.held, { key: 'a', value: { words: 'one' }, revision: 1 })
  assert.equal((await space.delete('a', { ...options, expect: 1 })).kind, 'written')
  const gone = await space.delete('a', options)
  assert.deepEqual(gone, { kind: 'rejected', code: 'notFound', revision: undefined })
})

test('a module sees nothing of another, and cannot take a name that is none', async () => {
  const ledger = new Solitary()
  await new KvSpace(ledger, 'mine', Note).put('a', { words: 'mine' }, options)
  const got = await new KvSpace(ledger, 'yours', Note).get('a', local)
  assert.ok(got.kind === 'read' && got.held === undefined)
  assert.throws(() => new KvSpace(ledger, 'mine/', Note))
})

test('bytes that are no such value are told as what is not understood', async () => {
  const ledger = new Solitary()
  const value = { namespace: 'notes', key: 'a', value: bytesOf('garbage') }
  await ledger.append({ kind: 'kvPut', value })
  const got = await new KvSpace(ledger, 'notes', Note).get('a', local)
  assert.ok(got.kind === 'read')
  assert.deepEqual(got.held, { key: 'a', value: undefined, revision: 1 })
})

test('a follower of a ledger that stops is told why, and hears no more', async () => {
  const ledger = new Solitary()
  const space = new KvSpace(ledger, 'notes', Note)
  await space.put('a', { words: 'one' }, options)
  const heard: string[] = []
  const following = (async () => {
    for await (const { kind } of space.follow('', new AbortController().signal)) heard.push(kind)
  })()
  ledger.stop = { kind: 'diskFailed', message: 'it is on fire' }
  ledger.wake()
  await following
  assert.deepEqual(heard, ['put', 'stopped'])
})

const step = fc.record({
  key: fc.constantFrom('a', 'b', 'b/c', 'd', 'x'),
  words: fc.option(fc.constantFrom('one', 'two', 'three'), { nil: undefined }),
  /** How often the follower has its turn afterwards. */
  turns: fc.nat(3),
})

test('whoever follows ends with what is there, never goes back, and misses nothing in silence', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 40, size: 'max' }),
      fc.array(step, { maxLength: 5 }),
      async (steps, before) => {
        const ledger = new Solitary({ listItemsMax: 2, eventsKeptMax: 3 })
        const space = new KvSpace(ledger, 'notes', Note)
        const write = async ({ key, words }: { key: string; words: string | undefined }) => {
          if (words === undefined) await space.delete(key, options)
          else await space.put(key, { words }, options)
        }
        for (const one of before) await write(one)
        const seen = new Map<string, string>()
        const revisions = new Map<string, number>()
        const following = space.follow('', new AbortController().signal)
        const told = following[Symbol.asyncIterator]()
        let pending = told.next()
        const turn = async () => {
          const next = await Promise.race([pending, ledgerAtRest()])
          if (next === undefined || next.done) return false
          pending = told.next()
          const followed = next.value
          assert.notEqual(followed.kind, 'stopped')
          if (followed.kind === 'reset') seen.clear()
          if (followed.kind !== 'put' && followed.kind !== 'deleted') return true
          const { key, revision } = followed.kind === 'put' ? followed.held : followed
          assert.ok(revision >= (revisions.get(key) ?? 0), 'never an older state')
          revisions.set(key, revision)
          if (followed.kind === 'put') seen.set(key, followed.held.value?.words ?? '')
          else seen.delete(key)
          return true
        }
        for (const one of steps) {
          await write(one)
          for (let turns = 0; turns < one.turns; turns++) await turn()
        }
        while (await turn());
        for (const key of ['a', 'b', 'b/c', 'd', 'x']) {
          const got = await space.get(key, local)
          assert.ok(got.kind === 'read')
          assert.equal(seen.get(key), got.held?.value?.words, key)
        }
      },
    ),
    { numRuns: 200 },
  )
})

/** Long enough for everything that waits for nothing but its turn. */
async function ledgerAtRest(): Promise<undefined> {
  for (let turns = 0; turns < 50; turns++) await Promise.resolve()
}
