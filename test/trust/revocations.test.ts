/** What a host knows of what was taken back: kept over its restarts, believed only when signed for. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Revocations } from '../../agent/trust/revocations.ts'
import { recordRevocation } from '../../coordinator/people/register.ts'
import type { Revoked } from '../../protocol/identity/revocation.ts'
import { silent } from '../api/stage.ts'
import { ada, keyNumber, nowMs, trust } from '../identity/parties.ts'
import { revoking } from '../identity/revoking.ts'
import { HandClock, MemoryDisk } from '../telemetry/made-host.ts'

const host = keyNumber(7).id

async function begun(disk = new MemoryDisk()): Promise<{ it: Revocations; news: Revoked[] }> {
  const it = new Revocations({ clock: new HandClock(nowMs), disk, log: silent }, trust)
  const news: Revoked[] = []
  await it.load()
  it.onNews = (revoked) => news.push(revoked)
  return { it, news }
}

const rowOf = (what: string, word?: Uint8Array): Uint8Array => {
  const { value } = recordRevocation(what, 'lost', word)
  return (value as { value: Uint8Array }).value
}

test('what was heard holds at once, is told once, and after a restart without anybody’s help', async () => {
  const disk = new MemoryDisk()
  const { it, news } = await begun(disk)
  assert.equal(it.trust.isRevoked(host), false)
  assert.equal(it.heard(revoking(host)), 'news')
  assert.equal(it.heard(revoking(host)), 'known')
  assert.equal(it.trust.isRevoked(host), true)
  assert.deepEqual(news, [{ what: host, by: 'ada', reason: 'lost', atMs: nowMs }])
  await disk.sync()
  const again = await begun(disk)
  assert.equal(again.it.trust.isRevoked(host), true)
  assert.deepEqual(again.it.find(host), { by: 'ada', reason: 'lost', atMs: nowMs })
  assert.deepEqual(again.it.fingerprint, it.fingerprint)
  assert.deepEqual(again.news, [])
})

test('a row of the ledger takes a key back only with the word for that key', async () => {
  const { it, news } = await begun()
  it.decided(host, rowOf(host))
  it.decided(host, rowOf(host, revoking(keyNumber(8).id)))
  it.decided(host, rowOf(host, revoking(host, { holder: { roles: ['operator'] } })))
  it.decided(host, Uint8Array.of(9))
  assert.deepEqual([news, it.trust.isRevoked(host)], [[], false])
  it.decided(host, rowOf(host, revoking(host)))
  assert.deepEqual([news.length, it.trust.isRevoked(host)], [1, true])
})

test('certificates of people are taken back by serial, as the ledger says, and not told to peers', async () => {
  const { it } = await begun()
  const serial = 'ab'.repeat(16)
  it.decided(serial, rowOf(serial))
  assert.equal(it.trust.isRevoked(serial), true)
  assert.deepEqual(it.words, [])
})

test('whoever was taken back takes nothing back any more', async () => {
  const { it } = await begun()
  assert.equal(it.heard(revoking(ada.id)), 'news')
  assert.equal(it.heard(revoking(host)), 'revoked')
  assert.equal(it.trust.isRevoked(host), false)
})
