/** What the door remembers: tokens for a minute, commands until they would be too old anyway. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { KnownTokens } from '../../agent/door/known-tokens.ts'
import { doorLimits } from '../../agent/door/limits.ts'
import { NonceStore } from '../../agent/door/nonce-store.ts'
import { Rates } from '../../agent/door/rates.ts'
import type { Command } from '../../protocol/identity/envelope.ts'
import type { Admission } from '../../protocol/identity/nonce-window.ts'
import { mintToken } from '../../protocol/identity/token.ts'
import { DiskError } from '../../protocol/ports/disk.ts'
import { World } from '../../simulations/world/world.ts'
import { ada, commandOf, credentialOf, keyNumber, mesh, nowMs, trust } from '../identity/parties.ts'
import { MemoryDisk } from '../telemetry/made-host.ts'
import { idle } from '../world/cast.ts'

const here = '127.0.0.1:4131'
const tokenOf = (expiresMs = nowMs + 60_000) =>
  mintToken({ mesh, audience: here, issuedMs: nowMs, expiresMs }, credentialOf(ada), ada)

test('a command that was let in is let in no more after the power has failed', async () => {
  for (const crash of ['powerLoss', 'kill'] as const) {
    const world = new World({ seed: 7 })
    const host = world.addHost('a')
    const admitted = async (command: Command): Promise<Admission> => {
      const { disk } = await idle(host)
      let admission: Admission | undefined
      void new NonceStore(disk).admit(ada.id, command, nowMs).then((it) => {
        admission = it
      })
      assert.ok(await world.runUntil(() => admission !== undefined, 10_000))
      host.crash(crash)
      await world.runFor(50)
      return admission!
    }
    const command = commandOf()
    assert.equal(await admitted(command), 'fresh')
    assert.equal(await admitted(command), 'replayed')
    assert.equal(await admitted(commandOf()), 'fresh')
  }
})

test('of two that come at once with one command, one is let in', async () => {
  const store = new NonceStore(new MemoryDisk())
  const command = commandOf()
  const admissions = await Promise.all([1, 2, 3].map(() => store.admit(ada.id, command, nowMs)))
  assert.deepEqual(admissions.sort(), ['fresh', 'replayed', 'replayed'])
})

test('what cannot be written down is not done, and not by another try either', async () => {
  const disk = new MemoryDisk()
  const store = new NonceStore(disk)
  await store.admit(ada.id, commandOf(), nowMs)
  const command = commandOf()
  disk.full = true
  await assert.rejects(store.admit(ada.id, command, nowMs), DiskError)
  disk.full = false
  assert.equal(await store.admit(ada.id, command, nowMs), 'replayed')
  assert.equal(await store.admit(ada.id, commandOf(), nowMs), 'fresh')
})

test('what waits for no disk is let in once by each life that the disk tells nothing', async () => {
  const disk = new MemoryDisk()
  let isHanging = true
  const write = disk.write.bind(disk)
  disk.write = (...given) => (isHanging ? new Promise(() => {}) : write(...given))
  const command = commandOf()
  for (const store of [new NonceStore(disk), new NonceStore(disk)]) {
    assert.equal(await store.admitAtOnce(ada.id, command, nowMs), 'fresh')
    assert.equal(await store.admitAtOnce(ada.id, command, nowMs), 'replayed')
    assert.equal(await store.admit(ada.id, command, nowMs), 'replayed')
  }
  isHanging = false
  assert.equal(await new NonceStore(disk).admitAtOnce(ada.id, command, nowMs), 'fresh')
  assert.equal(await new NonceStore(disk).admitAtOnce(ada.id, command, nowMs), 'replayed')
})

test('what waits for no disk is let in where nothing can be read, or remembered', async () => {
  const disk = new MemoryDisk()
  const unreadable = Object.assign(Object.create(disk), {
    get: () => Promise.reject(new DiskError('failed', 'made up')),
  }) as MemoryDisk
  assert.equal(await new NonceStore(unreadable).admitAtOnce(ada.id, commandOf(), nowMs), 'fresh')
  const limits = { noncesMax: 1, forgetEveryMs: 1_000, forgottenAtOnceMax: 10 }
  const store = new NonceStore(disk, limits)
  assert.equal(await store.admit(ada.id, commandOf(), nowMs), 'fresh')
  assert.equal(await store.admit(ada.id, commandOf(), nowMs), 'full')
  assert.equal(await store.admitAtOnce(ada.id, commandOf(), nowMs), 'fresh')
  assert.equal(disk.entries.size, 1, 'and what is kept has its bound')
})

test('a stop that is said to an open door waits for nothing that the disk does', async () => {
  const disk = new MemoryDisk()
  const command = commandOf()
  await new NonceStore(disk).admit(ada.id, command, nowMs)
  const store = new NonceStore(disk)
  store.open()
  await new Promise((resolve) => setImmediate(resolve))
  disk.get = () => new Promise(() => {})
  disk.write = () => new Promise(() => {})
  assert.equal(await store.admitAtOnce(ada.id, command, nowMs), 'replayed')
  assert.equal(await store.admitAtOnce(ada.id, commandOf(), nowMs), 'fresh')
})

test('expired commands are forgotten, also on disk, and stay refused when the clock goes back', async () => {
  const disk = new MemoryDisk()
  const limits = { noncesMax: 3, forgetEveryMs: 1_000, forgottenAtOnceMax: 10 }
  const store = new NonceStore(disk, limits)
  const old = commandOf()
  assert.equal(await store.admit(ada.id, old, nowMs), 'fresh')
  assert.equal(await store.admit(ada.id, commandOf(), nowMs), 'fresh')
  assert.equal(await store.admit(ada.id, commandOf(), nowMs), 'fresh')
  assert.equal(await store.admit(ada.id, commandOf(), nowMs), 'full')
  const later = commandOf({ expiresMs: nowMs + 120_000 })
  assert.equal(await store.admit(ada.id, later, nowMs + 60_000), 'fresh')
  assert.equal([...disk.entries.keys()].filter((key) => key.startsWith('door/done/')).length, 1)
  assert.equal(await store.admit(ada.id, old, nowMs), 'replayed')
  const restarted = new NonceStore(disk, limits)
  assert.equal(await restarted.admit(ada.id, old, nowMs), 'replayed')
  assert.equal(await restarted.admit(ada.id, later, nowMs), 'replayed')
})

test('a token is known until it expires, is taken back, or is shown elsewhere', async () => {
  const revoked = new Set<string>()
  const tokens = new KnownTokens({ ...trust, isRevoked: (it) => revoked.has(it) }, 10)
  const token = await tokenOf()
  const why = (audience = here, at = nowMs) => {
    const known = tokens.holderOf(token, audience, at)
    return known.ok ? known.by.subject : known.why
  }
  assert.equal(why(), ada.id)
  assert.equal(why(), ada.id)
  assert.equal(why('127.0.0.1:1'), 'otherAudience')
  const signedIn = tokens.holderOf(token, here, nowMs)
  assert(signedIn.ok)
  revoked.add(signedIn.by.serial)
  assert.equal(why(), 'revoked')
  revoked.clear()
  assert.equal(why(here, nowMs + 60_000), 'expired')
  assert.equal(tokens.size, 0)
})

test('so many tokens are known and no more, and one that was forgotten is only checked anew', async () => {
  const tokens = new KnownTokens(trust, 2)
  const first = await tokenOf()
  for (const token of [first, await tokenOf(nowMs + 1_000), await tokenOf(nowMs + 2_000)]) {
    assert(tokens.holderOf(token, here, nowMs).ok)
    assert(tokens.size <= 2)
  }
  assert(tokens.holderOf(first, here, nowMs).ok)
})

test('who asks too much waits, and others do not notice', () => {
  const grace = keyNumber(5)
  const rates = new Rates({
    ...doorLimits,
    requestsPerSecond: 10,
    requestsBurst: 5,
    commandsPerSecond: 1,
    commandsBurst: 2,
    bytesPerSecond: 100,
    bytesBurst: 100,
  })
  const looks = { acts: false, bytes: 0 }
  const acts = { acts: true, bytes: 10 }
  assert.deepEqual(
    [1, 2, 3].map(() => rates.takes(ada.id, acts, 0)),
    [true, true, false],
  )
  assert.deepEqual(
    [1, 2, 3].map(() => rates.takes(ada.id, looks, 0)),
    [true, true, false],
  )
  assert.equal(rates.takes(grace.id, acts, 0), true)
  assert.equal(rates.takes(ada.id, acts, 1_000), true)
  assert.equal(rates.takes(grace.id, { acts: false, bytes: 99 }, 0), false)
})

test('of more people than are kept in mind, the newest are', () => {
  const rates = new Rates({ ...doorLimits, peopleMax: 2, requestsBurst: 1, requestsPerSecond: 1 })
  const looks = { acts: false, bytes: 0 }
  const [a, b, c] = [keyNumber(5).id, keyNumber(6).id, keyNumber(7).id]
  assert.deepEqual(
    [a, b, b, c, a].map((who) => rates.takes(who, looks, 0)),
    [true, true, false, true, true],
  )
})
