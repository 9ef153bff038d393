/** A host whose disk has lost what was safe on it, and knows. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Aside } from '../../agent/consensus/aside.ts'
import { asidesOn } from '../../agent/consensus/aside.ts'
import { lostKey } from '../../protocol/ports/disk.ts'
import { Flock } from './flock.ts'

test('a voter whose disk has lost batches votes no more in its old name, and is given all of it again', async () => {
  const flock = await Flock.of('lost batches', 3, 3)
  const bird = flock.follower
  const { host } = bird
  const { agent } = bird
  const before = agent.ledger.storage
  host.crash('kill')
  host.boot(async ({ disk }) => {
    await disk.write([{ put: lostKey, value: new Uint8Array() }], { durable: true })
  })
  await flock.world.runFor(100)
  host.crash('kill')
  flock.boot(bird)
  assert.ok(await flock.until(() => bird.agent !== agent && bird.agent.ledger.storage !== 0, 5_000))
  const { storage, damage } = bird.agent.ledger
  assert.notEqual(storage, before)
  assert.deepEqual(damage, ['log'])
  const votes = () =>
    flock.leader?.agent.ledger.status()?.config.voters.some((voter) => voter.storage === storage)
  assert.ok(await flock.until(() => votes() === true && flock.isLevel(3), 60_000), 'it votes again')
  host.crash('kill')
  let kept: Aside[] = []
  host.boot(async ({ disk }) => {
    kept = await asidesOn(disk)
    assert.equal(await disk.get(lostKey), undefined)
  })
  await flock.world.runFor(100)
  assert.deepEqual(
    kept.map(({ name, why }) => ({ name, why })),
    [{ name: String(before), why: 'damaged' }],
  )
})
