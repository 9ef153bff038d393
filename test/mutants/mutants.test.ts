/** Defects that are put in on purpose: they can be, they are noticed, and nothing is noticed without. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { defects } from '../../simulations/mutants/catalogue.ts'
import { type Hunt, huntAll } from '../../simulations/mutants/hunt.ts'
import { root } from '../../simulations/mutants/loading.ts'
import { CodeHasMoved, filesOf, type Mutant, mutated } from '../../simulations/mutants/mutant.ts'

const DEFECTS = 40
/** Caught in one of the first seeds, after some virtual seconds or minutes. */
const QUICK_SEEDS = 3
const QUICK = ['1b', '2a', '7', '10b', '14b', '20a']
const mutants = defects.flatMap((defect) => defect.mutants)
const sourceOf = (file: string) => readFileSync(new URL(file, root), 'utf8')
const mutantWith = (edits: Mutant['edits'], harness: Mutant['harness'] = 'mesh'): Mutant => ({
  name: 'test',
  change: 'none',
  edits,
  harness,
})

async function hunted(wanted: readonly Mutant[], seedsMax: number): Promise<Hunt[]> {
  const hunts: Hunt[] = []
  await huntAll(wanted, seedsMax, (hunt) => hunts.push(hunt))
  return hunts
}

test('every known defect is there once, and has a mutant', () => {
  const numbers = defects.map(({ number }) => number)
  assert.deepEqual(
    numbers,
    Array.from({ length: DEFECTS }, (_, i) => i + 1),
  )
  for (const { number, mutants: ways } of defects) assert.ok(ways.length > 0, `defect ${number}`)
  assert.equal(new Set(mutants.map(({ name }) => name)).size, mutants.length)
})

test('a defect that whole agents do not show says why', () => {
  for (const { number, mutants: ways, notByMesh } of defects) {
    const small = ways.some(({ harness }) => harness === 'voters')
    assert.equal(notByMesh !== undefined, small, `defect ${number}`)
  }
})

test('every mutant can be put into the sources of today', () => {
  for (const mutant of mutants)
    for (const file of filesOf(mutant)) mutated(mutant, file, sourceOf(file))
})

test('a mutant of code that has moved says so', () => {
  const file = 'protocol/consensus/quorum.ts'
  const edit = { file, find: 'there is no such code', replace: 'nor this' }
  const twice = { file, find: 'return', replace: 'throw' }
  for (const one of [edit, twice])
    assert.throws(() => mutated(mutantWith([one]), file, sourceOf(file)), CodeHasMoved)
})

test('a hunt with a mutant of code that has moved, or that nobody runs, does not pass for one', async () => {
  const file = 'protocol/consensus/quorum.ts'
  const moved = { file, find: 'there is no such code', replace: 'nor this' }
  await assert.rejects(hunted([mutantWith([moved])], 1), /the code has moved/)
  const unread = { file: 'runbooks/README.md', find: '# ', replace: '## ' }
  await assert.rejects(hunted([mutantWith([unread])], 1), /not imported/)
})

test('nothing is noticed where there is no defect', async () => {
  const hunts = await hunted([mutantWith([]), mutantWith([], 'voters')], 2)
  assert.deepEqual(
    hunts.map(({ seeds, caught }) => ({ seeds, caught })),
    [
      { seeds: 2, caught: undefined },
      { seeds: 2, caught: undefined },
    ],
  )
})

for (const name of QUICK)
  test(`mutant ${name} is caught in the first seeds`, async () => {
    const [hunt] = await hunted(
      mutants.filter((mutant) => mutant.name === name),
      QUICK_SEEDS,
    )
    assert.ok(hunt?.caught, `${name} has survived`)
  })
