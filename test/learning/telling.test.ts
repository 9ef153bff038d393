/** Who is told what of a host's own attempts, and how what several say becomes one. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { tellingLimits } from '../../agent/learning/limits.ts'
import type { OwnHistory } from '../../agent/learning/own-history.ts'
import { Telling } from '../../agent/learning/telling.ts'
import { believed } from '../../agent/learning/wire.ts'
import type { CallResult, Service } from '../../agent/requests/calls.ts'
import { profileLimits } from '../../models/profiles/limits.ts'
import type { Told } from '../../models/profiles/profiles.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'

const key = 'w program/a/00'

function told(n: number, p50 = 10): Told {
  return { succeeded: n, tried: n, tookMs: { p10: p50 - 1, p50, p90: p50 + 1, n } }
}

/** Agents that know so much of one key; the first are coordinators. */
class Flock {
  readonly services = new Map<string, Service>()
  readonly asked: string[] = []
  readonly tellings = new Map<string, Telling>()

  constructor(coordinators: number, knows: readonly (Told | undefined)[]) {
    const names = knows.map((_, i) => `p${i}`)
    const leads = (name: string) => names.indexOf(name) < coordinators
    for (const [i, name] of names.entries()) {
      const own = { told: (asked: string) => (asked === key ? knows[i] : undefined) }
      this.tellings.set(
        name,
        new Telling({
          self: name as PeerId,
          calls: {
            serve: (_, service) => this.services.set(name, service),
            ask: (to, _, body) => this.#ask(name, to, body),
          },
          own: own as OwnHistory,
          isCoordinator: (peer) => leads(peer),
          mayAsk: () => leads(name),
          peers: () => names.filter((other) => other !== name) as PeerId[],
        }),
      )
    }
  }

  async #ask(from: string, to: string, body: Uint8Array): Promise<CallResult> {
    this.asked.push(`${from}>${to}`)
    try {
      return { ok: true, body: await this.services.get(to)!(from as PeerId, body) }
    } catch (error) {
      return { ok: false, code: 'refused', why: String(error) }
    }
  }

  async of(name: string): Promise<readonly Told[] | undefined> {
    return (await this.tellings.get(name)!.gathered([key, 'other'])).get(key)
  }
}

test('a coordinator hears of every host that has something to say, itself included', async () => {
  const flock = new Flock(1, [told(5), told(7), undefined])
  const each = [
    { ...told(5), host: 'p0' },
    { ...told(7), host: 'p1' },
  ]
  assert.deepEqual(await flock.of('p0'), each)
  assert.deepEqual(flock.asked, ['p0>p1', 'p0>p2'])
})

test('another agent asks a coordinator, and is told what all say together', async () => {
  const flock = new Flock(1, [told(5), told(7), told(3)])
  const [together, ...more] = (await flock.of('p2')) ?? []
  assert.deepEqual([together?.tried, together?.tookMs?.n, more], [15, 15, []])
  assert.equal(flock.asked[0], 'p2>p0')
  // Its own is among what the coordinator has asked for.
  assert.deepEqual(flock.asked.slice(1), ['p0>p1', 'p0>p2'])
})

test('where no coordinator answers, a host knows of itself', async () => {
  const flock = new Flock(0, [told(5), told(7)])
  assert.deepEqual(await flock.of('p1'), [told(7)])
})

test('for others no more is asked at once than may be', async () => {
  const flock = new Flock(1, [told(5), told(7)])
  const many = Array.from({ length: tellingLimits.forOthersMax + 3 }, () => flock.of('p1'))
  const answers = await Promise.all(many)
  const alone = answers.filter((each) => each?.[0]?.tried === 7)
  assert.equal(alone.length, 3)
})

test('what makes no sense is not believed, nor who claims more than a host remembers', () => {
  const wrong: Told[] = [
    { ...told(5), succeeded: 6 },
    told(profileLimits.attemptsPerKind + 1),
    { ...told(5), tookMs: { p10: 3, p50: 2, p90: 4, n: 5 } },
    { ...told(5), tookMs: { p10: Number.NaN, p50: 2, p90: 4, n: 5 } },
    { ...told(5), tookMs: { p10: 1, p50: 2, p90: Number.POSITIVE_INFINITY, n: 5 } },
    { ...told(5), tookMs: { p10: 1, p50: 2, p90: 1e308, n: 5 } },
    { ...told(5), tookMs: { p10: 1, p50: 2, p90: tellingLimits.tookMsMax + 1, n: 5 } },
    { ...told(5), peakMemoryBytes: { p10: 1, p50: 2, p90: 1e300, n: 5 } },
    { ...told(5), tookMs: { p10: -1, p50: 2, p90: 3, n: 5 } },
    { ...told(5), tookMs: { p10: 1, p50: 2, p90: 3, n: 500 } },
  ]
  for (const each of wrong) {
    assert.equal(believed([key], { told: [{ index: 0, ...each }] }).size, 0, JSON.stringify(each))
  }
  assert.equal(believed([key], { told: [{ index: 1, ...told(5) }] }).size, 0)
  assert.equal(believed([key], { told: [{ index: 0, ...told(5) }] }).size, 1)
})
