/** When a run is likely to end: of what it is made out, how often that is done, and where it is not. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RunExpecting } from '../../coordinator/runs/expected.ts'
import { runLimits } from '../../coordinator/runs/limits.ts'
import type { Told } from '../../models/profiles/profiles.ts'
import type { RunView } from '../../protocol/ledger/work-view.ts'
import { parsed, withStages } from '../workflow/stage.ts'

const tookMs = { p10: 1_000, p50: 1_000, p90: 1_000, n: 30 }
const known: Told = { tried: 30, succeeded: 30, tookMs }

/** Of all keys that hosts are asked of, the one that a workflow of this name has of `make`. */
class Telling {
  asked = 0
  read = 0

  async gathered(keys: readonly string[]): Promise<Map<string, Told[]>> {
    this.asked++
    const told = new Map(
      keys.filter((key) => key.startsWith('w script/make')).map((key) => [key, [known]]),
    )
    const get = told.get.bind(told)
    told.get = (key) => {
      this.read++
      return get(key)
    }
    return told
  }
}

function expecting(stages: string) {
  const telling = new Telling()
  const time = { ms: 0 }
  const clock = { wall: () => time.ms, now: () => time.ms }
  const workflow = parsed(withStages(stages))
  const view = {
    head: { state: 'running', stop: 'none' },
    spec: { inputs: '{}' },
    units: [],
  } as unknown as RunView
  const run = new RunExpecting({ telling, clock })
  return { telling, time, ask: () => run.ask(workflow), of: () => run.of(view, workflow) }
}

test('what stays as it is between two answers of the hosts is made out once', async () => {
  const { telling, time, ask, of } = expecting('  a: { run: make }\n  b: { run: make it }\n')
  await ask()
  const first = of()
  const { read } = telling
  assert.ok(first && read > 0)
  time.ms += runLimits.expectedEveryMs
  await ask()
  assert.deepEqual(of(), { ...first, atMs: runLimits.expectedEveryMs })
  assert.deepEqual([telling.asked, telling.read], [1, read])
  time.ms += runLimits.expectedAskMs
  await ask()
  assert.equal(of()?.p50Ms, first.p50Ms)
  assert.deepEqual([telling.asked, telling.read], [2, 2 * read])
})

test('what is known to be skipped takes nothing, and is not unknown', async () => {
  const { ask, of } = expecting(`
  a: { run: make }
  b: { run: make, if: 1 > 2 }
  c: { run: make, needs: [b] }
  d: { run: other, if: 1 > 2 }
`)
  await ask()
  const expected = of()
  assert.ok(expected && Math.abs(expected.p50Ms - 1_000) < 20, JSON.stringify(expected))
  assert.equal(expected.untimed, 0)
})

test('of a run with very many stages no end is told, and no host is asked', async () => {
  const most = Array.from(
    { length: runLimits.expectedStagesMax },
    (_, i) => `  s${i}: { run: make }\n`,
  )
  const large = expecting(most.join(''))
  await large.ask()
  assert.ok(large.of())
  const tooLarge = expecting([...most, '  more: { run: make }\n'].join(''))
  await tooLarge.ask()
  assert.equal(tooLarge.of(), undefined)
  assert.equal(tooLarge.telling.asked, 0)
})
