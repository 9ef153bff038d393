/** The checks of work notice what they are there for. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { defects } from '../../simulations/mutants/catalogue.ts'
import { type Hunt, huntAll } from '../../simulations/mutants/hunt.ts'
import { shrink } from '../../simulations/sim/shrink.ts'
import { climateOf, runTrial, type TrialOptions } from '../../simulations/sim/trial.ts'
import type { Failure } from '../../simulations/sim/verdict.ts'

const SEEDS_MAX = 40
/** Of the defects of work, one for each law, soon caught; `skein sim mutants` hunts them all. */
const QUICK = ['27', '29b', '30b', '31', '32a', '33a', '34', '39a', '40']
const mutants = defects.flatMap((defect) => defect.mutants)

for (const name of QUICK) {
  const mutant = mutants.find((each) => each.name === name)!
  test(`it is noticed when ${mutant.change}`, async (t) => {
    const hunts: Hunt[] = []
    await huntAll([mutant], SEEDS_MAX, (hunt) => hunts.push(hunt))
    const { caught, seeds } = hunts[0]!
    assert.ok(caught, `nothing was noticed in ${SEEDS_MAX} seeds`)
    t.diagnostic(`seed ${seeds}: ${caught.checker}: ${caught.what}`)
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
