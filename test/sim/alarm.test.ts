/** The checks of the simulator notice what they are there for. */
import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { shrink } from '../../simulations/sim/shrink.ts'
import { climateOf, runTrial, type TrialOptions } from '../../simulations/sim/trial.ts'
import type { Failure } from '../../simulations/sim/verdict.ts'

const SEEDS_MAX = 40
let caught: { trial: TrialOptions; failure: Failure } | undefined

before(async () => {
  for (let seed = 1; seed <= SEEDS_MAX && !caught; seed++) {
    const trial = { seed: String(seed), nodes: 5, minutes: 4, lyingDisks: true }
    const { verdict } = await runTrial(trial)
    if (verdict.kind === 'safety') caught = { trial, failure: verdict }
  }
})

test('a mesh on disks that lie about what they have synced is caught', () => {
  assert.ok(caught, `nothing was noticed in ${SEEDS_MAX} seeds`)
})

test('a history that fails is made smaller, and the smaller one fails in the same way', async () => {
  assert.ok(caught)
  const { trial, failure } = caught
  const whole = climateOf(trial)
  const { climate, runs } = await shrink(trial, whole, failure, { runsMax: 25 })
  assert.ok(climate.faults.length < whole.faults.length, 'some faults were not needed')
  assert.ok(runs > 0)
  const { verdict } = await runTrial({ ...trial, climate })
  assert.equal(verdict.kind, failure.kind)
  assert.equal((verdict as Failure).checker, failure.checker)
})
