/** What a leader's scheduler is told of hosts, by real agents in a virtual world. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { HostFacts } from '../../coordinator/placement/host-view.ts'
import { balanced } from '../../coordinator/placement/policies.ts'
import { Scheduler } from '../../coordinator/scheduler/core/scheduler.ts'
import { HostWatch } from '../../coordinator/scheduler/host-watch.ts'
import { leadingLimits } from '../../coordinator/scheduler/limits.ts'
import { type Bird, Flock } from '../voters/flock.ts'

/** Writes down what it is told, and goes on as any other. */
class ToldScheduler extends Scheduler {
  looks = 0
  readonly lost: string[] = []
  readonly newest = new Map<string, HostFacts>()
  /** As if something were ready that no host can take. */
  waits = false

  constructor() {
    super({ term: 1, policy: balanced, random: { unit: () => 0.5 } })
  }

  override get waitsForHosts(): boolean {
    return this.waits
  }

  override hosts(news: Iterable<HostFacts>): void {
    const facts = [...news]
    this.looks++
    for (const each of facts) this.newest.set(each.id, each)
    super.hosts(facts)
  }

  override lostHost(node: string, nowMs: number): void {
    this.lost.push(node)
    super.lostHost(node, nowMs)
  }
}

async function watching(seed: string) {
  const flock = await Flock.of(seed, 3, 3)
  const { agent } = flock.leader as Bird
  const scheduler = new ToldScheduler()
  let changes = 0
  const watch = new HostWatch(agent, scheduler, {
    now: () => agent.ports.clock.now(),
    changed: () => {
      changes++
    },
  })
  watch.begin()
  return { flock, watch, scheduler, changes: () => changes }
}

test('who begins to lead is told of all hosts at once', async () => {
  const { flock, scheduler, changes } = await watching('all at once')
  const ids = flock.birds.map(({ host }) => host.id as string)
  assert.deepEqual([...scheduler.newest.keys()].sort(), ids.sort())
  assert.deepEqual(scheduler.lost, [])
  assert.equal(changes(), 1)
})

test('a host that dies is called lost once, as soon as it is known, and again only after it was back', async () => {
  const { flock, scheduler } = await watching('dies twice')
  const { host } = flock.follower
  const isTold = (state: string) => () => scheduler.newest.get(host.id)?.state === state
  for (const deaths of [1, 2]) {
    const before = scheduler.looks
    host.crash('kill')
    const agent = (flock.leader as Bird).agent
    const isDead = () =>
      agent.membership.members().some((m) => m.id === host.id && m.state === 'dead')
    assert.ok(await flock.until(isDead, 30_000))
    assert.ok(isTold('dead')(), 'in the turn in which membership says so, though nothing waits')
    assert.ok(scheduler.looks > before)
    await flock.world.runFor(3 * leadingLimits.hostsSeldomMs)
    assert.deepEqual(scheduler.lost, Array(deaths).fill(host.id))
    flock.boot(flock.birds.find((bird) => bird.host === host) as Bird)
    assert.ok(await flock.until(isTold('alive'), 30_000), 'it is back')
  }
})

test('at rest hosts are looked at seldom, and each second while something waits for one', async () => {
  const { flock, scheduler, watch } = await watching('seldom')
  await flock.world.runFor(leadingLimits.hostsSeldomMs)
  const looksIn = async (ms: number) => {
    const before = scheduler.looks
    await flock.world.runFor(ms)
    return scheduler.looks - before
  }
  const restMs = 6 * leadingLimits.hostsSeldomMs
  // It is looked each second whether that long has gone by, so it may be one more.
  const atRest = await looksIn(restMs)
  assert.ok(atRest === 5 || atRest === 6, `${atRest} looks`)
  scheduler.waits = true
  assert.ok((await looksIn(restMs)) >= restMs / leadingLimits.hostsLookMs - 1)
  watch.end()
  assert.equal(await looksIn(restMs), 0)
})

test('who is about to choose is given news no older than a look takes, and looks no oftener', async () => {
  const { flock, scheduler, watch } = await watching('fresh')
  const before = scheduler.looks
  watch.freshen()
  assert.equal(scheduler.looks, before)
  await flock.world.runFor(leadingLimits.hostsLookMs)
  watch.freshen()
  watch.freshen()
  assert.equal(scheduler.looks, before + 1)
})
