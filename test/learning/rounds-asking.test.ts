/** How hosts are asked in a round: in turns with rests between them, and by nobody once it is over. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RoundAnswer, RoundQuestion } from '../../agent/learning/round/wire.ts'
import { Asking } from '../../coordinator/learning/rounds/asking.ts'
import { roundsLimits } from '../../coordinator/learning/rounds/limits.ts'
import { RollCall } from '../../coordinator/learning/rounds/roll-call.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import { decode, encode } from '../../protocol/wire/codec.ts'
import { ManualClock } from '../modules/stage.ts'

const { turnsMax, turnMs, restMsMax } = roundsLimits
const done = {
  ok: true,
  body: encode(RoundAnswer, { reply: { kind: 'done', value: {} } }),
} as const
const tookMs = 10

class Hosts {
  readonly clock = new ManualClock()
  readonly ids: readonly PeerId[]
  readonly asking: Asking
  /** When each was asked to train. */
  readonly askedMs: number[] = []
  goodbyes = 0
  atOnceMost = 0
  #atOnce = 0

  /** `silent`: who never answers, by their place. */
  constructor(count: number, silent: readonly number[] = []) {
    this.ids = Array.from(
      { length: count },
      (_, i) => `host-${String(i).padStart(2, '0')}` as PeerId,
    )
    const mute = new Set(silent.map((i) => this.ids[i]))
    const ask = (host: PeerId, body: Uint8Array) => {
      const asked = decode(RoundQuestion, body)
      assert.ok(asked.ok)
      if (asked.value.step.kind === 'over') this.goodbyes++
      else this.askedMs.push(this.clock.now())
      this.atOnceMost = Math.max(this.atOnceMost, ++this.#atOnce)
      return new Promise<typeof done>((resolve) => {
        if (mute.has(host)) return
        this.clock.after(tookMs, () => {
          this.#atOnce--
          resolve(done)
        })
      })
    }
    this.asking = new Asking({ term: 1, number: 1 }, new RollCall(this.ids), {
      clock: this.clock,
      ask,
    })
  }

  train(): Promise<void> {
    return this.asking.each({
      wanted: 'done',
      deadlineMs: 1_000,
      hosts: this.ids,
      stepOf: () => ({ kind: 'train', value: {} }),
      take: () => 'taken',
    })
  }
}

test('however many there are, each is asked in one of so many turns, with a rest as long as the turn before', async () => {
  for (const count of [3, 5, 24]) {
    const hosts = new Hosts(count)
    const trained = hosts.train()
    await hosts.clock.advance(2 * turnsMax * tookMs)
    await trained
    assert.equal(hosts.askedMs.length, count)
    assert.equal(hosts.atOnceMost, Math.ceil(count / turnsMax))
    const turns = [...new Set(hosts.askedMs)]
    assert.deepEqual(
      turns,
      turns.map((_, i) => i * 2 * tookMs),
    )
    assert.ok(turns.length <= turnsMax)
  }
})

test('whoever is silent holds the next one up for one turn, and no rest is longer than what may be', async () => {
  const hosts = new Hosts(turnsMax, [0])
  void hosts.train()
  await hosts.clock.advance(turnMs + restMsMax - 1)
  assert.deepEqual(hosts.askedMs, [0])
  await hosts.clock.advance(2 * turnsMax * tookMs)
  assert.equal(hosts.askedMs[1], turnMs + restMsMax)
  assert.equal(hosts.askedMs.length, turnsMax)
})

test('when the round is over nobody is asked any more, and all are told', async () => {
  const hosts = new Hosts(5)
  const trained = hosts.train()
  await hosts.clock.advance(0)
  const before = hosts.askedMs.length
  assert.ok(before > 0 && before < 5)
  hosts.asking.end(hosts.ids)
  await hosts.clock.advance(10 * turnMs)
  await trained
  assert.equal(hosts.askedMs.length, before)
  assert.equal(hosts.goodbyes, 5)
})
