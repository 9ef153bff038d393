/** The checks of work notice what they are there for. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import type { Mutant } from '../../simulations/mutants/mutant.ts'
import { shrink } from '../../simulations/sim/shrink.ts'
import { climateOf, runTrial, type TrialOptions } from '../../simulations/sim/trial.ts'
import type { Failure } from '../../simulations/sim/verdict.ts'
import type { Caught, Hunted } from './mutant-thread.ts'
import { mutants } from './mutants.ts'

const SEEDS_MAX = 40

async function hunt(mutant: Mutant): Promise<Caught | undefined> {
  const seeds = Array.from({ length: SEEDS_MAX }, (_, i) => i + 1)
  const workerData: Hunted = { mutant, seeds }
  const worker = new Worker(new URL('./mutant-thread.ts', import.meta.url), { workerData })
  try {
    return await new Promise((resolve, reject) => {
      worker.once('message', resolve)
      worker.once('error', reject)
    })
  } finally {
    await worker.terminate()
  }
}

for (const mutant of mutants) {
  test(`it is noticed when ${mutant.change}`, async (t) => {
    const caught = await hunt(mutant)
    assert.ok(caught, `nothing was noticed in ${SEEDS_MAX} seeds`)
    t.diagnostic(`seed ${caught.seed}: ${caught.checker}: ${caught.what}`)
  })
}

test('agents that write down nothing of their work are caught, in a history made smaller', async () => {
  const trial: TrialOptions = { seed: '1', nodes: 5, minutes: 2, work: true, forgets: true }
  let caught: { trial: TrialOptions; failure: Failure } | undefined
  for (let seed = 1; seed <= SEEDS_MAX && !caught; seed++) {
    const one = { ...trial, seed: String(seed) }
    const { verdict } = await runTrial(one)
    if (verdict.kind === 'safety') caught = { trial: one, failure: verdict }
  }
  assert.ok(caught, `nothing was noticed in ${SEEDS_MAX} seeds`)
  const whole = climateOf(caught.trial)
  const { climate } = await shrink(caught.trial, whole, caught.failure, { runsMax: 6 })
  assert.ok(climate.faults.length < whole.faults.length, 'some faults were not needed')
  const { verdict } = await runTrial({ ...caught.trial, climate })
  assert.equal((verdict as Failure).checker, caught.failure.checker)
})
