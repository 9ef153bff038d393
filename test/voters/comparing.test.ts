/** What others say that they hold, as one host hears it: late, twice, or from who has no say. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Claim, Comparing } from '../../agent/ledger/comparing.ts'
import { ledgerLimits } from '../../agent/ledger/limits.ts'
import { firstTermOf } from '../../protocol/consensus/era.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'

const WRONG = 'f'.repeat(16)

const RIGHT = 'a'.repeat(32)
const INDEX = 7
const TERM = 3

const member = (n: number, storage = n) => ({ id: `n${n}` as PeerId, storage })

/** The first of three voters, beside a learner, and what the others could say to it. */
class Hearer {
  nowMs = 0
  readonly standing = {
    id: member(1).id,
    suspected: false,
    voter: {
      term: TERM,
      config: {
        voters: [member(1), member(2), member(3)],
        outgoing: [],
        learners: [member(4)],
      },
    },
    replica: { digestAt: (index: number) => (index === INDEX ? RIGHT : undefined) },
  }
  readonly errors: string[] = []
  readonly comparing = new Comparing(
    this.standing,
    { now: () => this.nowMs },
    { error: (message) => this.errors.push(message) },
  )

  hears(...claims: Claim[]) {
    return this.comparing.compare(claims)
  }
}

function says(n: number, digest: string, change: Partial<Claim> = {}): Claim {
  return { ...member(n), term: TERM, marks: [{ index: INDEX, digest }], ...change }
}

test('what a host says that does not vote, or from another disk or era, counts for nothing', () => {
  const hearer = new Hearer()
  const term = firstTermOf(5) + TERM
  const claims = [
    says(4, WRONG),
    says(5, WRONG),
    says(2, WRONG, { storage: 99 }),
    says(3, WRONG, { storage: 99 }),
    says(2, WRONG, { term }),
    says(3, WRONG, { term }),
    says(1, WRONG),
  ]
  assert.equal(hearer.hears(...claims), undefined)
  assert.equal(hearer.standing.suspected, false)
  assert.deepEqual(hearer.errors, [])
})

test('what is said of entries that are unknown here, long past or yet to come, is passed over', () => {
  const hearer = new Hearer()
  const marks = [INDEX - 1, INDEX + 1, 0].map((index) => ({ index, digest: WRONG }))
  assert.equal(hearer.hears(says(2, WRONG, { marks }), says(3, WRONG, { marks })), undefined)
  assert.equal(hearer.standing.suspected, false)
})

test('while nobody can say who is right, the state is in doubt; and no longer than that', () => {
  const hearer = new Hearer()
  for (let times = 0; times < 3; times++) assert.equal(hearer.hears(says(2, WRONG)), undefined)
  assert.ok(hearer.standing.suspected)
  assert.equal(hearer.hears(says(3, RIGHT.slice(0, 16))), undefined)
  assert.ok(!hearer.standing.suspected)
  assert.equal(hearer.errors.length, 2, 'the doubt is told once, and its end')
})

test('a majority against it stops a replica at once, one voter alone only after a while', () => {
  const hearer = new Hearer()
  assert.equal(hearer.hears(says(2, WRONG)), undefined)
  hearer.nowMs += ledgerLimits.hungMsMax - 1
  assert.equal(hearer.hears(), undefined)
  hearer.nowMs += 1
  assert.equal(hearer.hears()?.theirs, WRONG)
  hearer.comparing.begin()
  assert.equal(hearer.hears(), undefined, 'another copy is judged anew')
  assert.equal(hearer.hears(says(2, WRONG), says(3, WRONG))?.theirs, WRONG)
})

test('what a host said is weighed once; again when others decide, and if it is known here only later', () => {
  const voters = [member(1), member(2), member(3)]
  const asked: number[] = []
  const standing = {
    id: member(1).id,
    suspected: false,
    config: { voters, outgoing: [], learners: [] as ReturnType<typeof member>[] },
    voter: {
      term: TERM,
      get config() {
        return standing.config
      },
    },
    held: undefined as string | undefined,
    replica: {
      digestAt: (index: number) => {
        asked.push(index)
        return standing.held
      },
    },
  }
  const errors: string[] = []
  const error = (message: string) => errors.push(message)
  const comparing = new Comparing(standing, { now: () => 0 }, { error })
  const claims = [says(2, RIGHT), says(3, RIGHT)]
  comparing.compare(claims)
  comparing.compare(claims)
  assert.equal(asked.length, 4)
  standing.held = RIGHT
  // It comes anew with each digest.
  for (let i = 0; i < 3; i++) assert.equal(comparing.compare(structuredClone(claims)), undefined)
  assert.equal(asked.length, 6)
  standing.config = { ...standing.config, learners: [member(4)] }
  comparing.compare(claims)
  assert.equal(asked.length, 8)
  // A new word is heard among old ones.
  assert.deepEqual(errors, [])
  comparing.compare([...claims, says(2, WRONG)])
  assert.deepEqual(errors, ['replicas hold different states'])
})
