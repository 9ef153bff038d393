/** Whoever watches a host's copy hears of all of it, and only while somebody does is it in a hurry. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Replica } from '../../agent/ledger/replica.ts'
import { Standing } from '../../agent/ledger/standing.ts'
import { watched } from '../../agent/ledger/watching.ts'
import { entryKind } from '../../protocol/consensus/messages.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import type { Watched } from '../../protocol/ledger/ledger.ts'
import { machine } from '../../protocol/ledger/machine.ts'
import { put } from '../ledger/stage.ts'

function begin() {
  const standing = new Standing('n1' as PeerId, {
    electionMs: 1_000,
    connected: () => [],
    rumouredLeader: () => undefined,
    onHeeded: () => {},
  })
  const replica = standing.use(new Replica())
  const write = (...keys: string[]): void => {
    const entries = keys.map((key) => {
      const sealed = machine.seal(put(key), { timeMs: 1 })
      assert(sealed.ok)
      return { term: 1, kind: entryKind.normal, data: sealed.payload }
    })
    replica.apply(replica.state.index + 1, entries)
  }
  const ending = new AbortController()
  const news = watched(standing, 'now', ending.signal)[Symbol.asyncIterator]()
  return { standing, write, ending, news }
}

function keyOf({ value }: IteratorResult<Watched>): string | undefined {
  const { event } = value as Extract<Watched, { kind: 'event' }>
  return event.change.kind === 'kvPut' ? event.change.key : undefined
}

test('all that happens is told in order, also while nobody is waiting for the next', async () => {
  const { write, news } = begin()
  const first = news.next()
  write('a', 'b')
  assert.equal(keyOf(await first), 'a')
  write('c')
  assert.equal(keyOf(await news.next()), 'b')
  assert.equal(keyOf(await news.next()), 'c')
  const next = news.next()
  write('d')
  assert.equal(keyOf(await next), 'd')
})

test('a host is followed from the first look of a watch to its end', async () => {
  const { standing, write, ending, news } = begin()
  assert.equal(standing.isFollowed, false)
  const first = news.next()
  assert.equal(standing.isFollowed, true)
  write('a')
  await first
  assert.equal(standing.isFollowed, true, 'while what was told is looked at')
  const next = news.next()
  ending.abort()
  assert.equal(standing.isFollowed, false)
  assert.equal((await next).done, true)
})

test('nor is it when whoever watched goes away, or came too late', async () => {
  const { standing, write, news } = begin()
  const first = news.next()
  write('a')
  await first
  await news.return?.(undefined)
  assert.equal(standing.isFollowed, false)
  const late = begin()
  late.ending.abort()
  assert.equal((await late.news.next()).done, true)
  assert.equal(late.standing.isFollowed, false)
})

test('nor when it has stopped: that is the last that is told', async () => {
  const { standing, news } = begin()
  const first = news.next()
  standing.stopReason = { kind: 'eraPassed', era: 2 }
  standing.announce()
  assert.equal(((await first).value as Watched).kind, 'stopped')
  assert.equal((await news.next()).done, true)
  assert.equal(standing.isFollowed, false)
})

test('who waits for the next change is followed until it comes', async () => {
  const { standing, write } = begin()
  const changed = standing.changed(undefined)
  assert.equal(standing.isFollowed, true)
  write('a')
  await changed
  assert.equal(standing.isFollowed, false)
})
