/** Whatever a voter writes, takes back and copies, in whatever order: its disk gives back just that. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ConsensusStore } from '../../agent/consensus/store.ts'
import { noConfig } from '../../protocol/consensus/config.ts'
import { type Entry, entryKind } from '../../protocol/consensus/messages.ts'
import { SeededEntropy } from '../../simulations/world/entropy.ts'
import { MemoryDisk } from '../telemetry/made-host.ts'

const HISTORIES = 1_000
const STEPS_MAX = 30

type Step =
  /** The next leader takes back so many, and gives so many. */
  | { kind: 'write'; back: number; count: number; newTerm: boolean }
  /** A term or a vote alone. */
  | { kind: 'promise' }
  | { kind: 'save'; behind: number }
  | { kind: 'install'; ahead: number }
  | { kind: 'restart' }
  /** A record of the log is not what was written. */
  | { kind: 'damage'; block: number }

const few = fc.integer({ min: 0, max: 6 })
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('write'),
      back: few,
      count: few,
      newTerm: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('promise') }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('save'), behind: few }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('install'), ahead: few }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('restart') }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('damage'), block: few }) },
)

/** A log as one would keep it on paper, and a disk that is told of all that happens to it. */
class Paper {
  readonly disk = new MemoryDisk()
  store!: ConsensusStore
  /** Entries by their index, from 1 on; those that a snapshot has replaced as well. */
  terms: number[] = []
  snapshot = { index: 0, term: 0 }
  term = 1
  written = 0

  async open() {
    const opened = await ConsensusStore.open(this.disk, new SeededEntropy('store'))
    this.store = opened.store
    return opened
  }

  /** What follows the snapshot. */
  get rest(): number[] {
    return this.terms.slice(this.snapshot.index)
  }

  persist(
    firstIndex: number,
    terms: readonly number[],
    installs?: { index: number; term: number },
  ) {
    const entries: Entry[] = terms.map((term) => ({
      term,
      kind: entryKind.normal,
      data: new Uint8Array(3),
    }))
    const snapshot = installs && { ...installs, config: noConfig, bytes: 0, checksum: '' }
    const promised = { index: this.terms.length, term: this.term }
    const hardState = { term: this.term, vote: undefined, commit: 0, promised }
    const number = ++this.written
    return this.store.persist({
      number,
      sync: true,
      staged: [],
      snapshot,
      firstIndex,
      entries,
      hardState,
    })
  }

  async write({ back, count, newTerm }: Extract<Step, { kind: 'write' }>) {
    if (count === 0) return
    const kept = Math.max(this.snapshot.index, this.terms.length - (newTerm ? back : 0))
    if (newTerm) this.term++
    this.terms.length = kept
    const terms = Array<number>(count).fill(this.term)
    this.terms.push(...terms)
    await this.persist(kept + 1, terms)
  }

  async save({ behind }: Extract<Step, { kind: 'save' }>) {
    const index = this.terms.length - behind
    if (index <= this.snapshot.index) return
    this.snapshot = { index, term: this.terms[index - 1] as number }
    await this.store.saveSnapshot({ ...this.snapshot, config: noConfig }, [new Uint8Array(5)])
  }

  /** A leader's snapshot goes beyond all that is here. */
  async install({ ahead }: Extract<Step, { kind: 'install' }>) {
    const index = this.terms.length + 1 + ahead
    this.snapshot = { index, term: this.term }
    this.terms = Array<number>(index).fill(this.term)
    await this.persist(index + 1, [], this.snapshot)
  }

  /** One goes on from what is left, which is never anything else than a part from the beginning. */
  async damage({ block }: Extract<Step, { kind: 'damage' }>) {
    const keys = [...this.disk.entries.keys()].filter((key) => key.startsWith('raft/log/')).sort()
    const key = keys[block % Math.max(1, keys.length)]
    if (key === undefined) return
    this.disk.entries.set(key, new Uint8Array(9))
    const { restored } = await this.open()
    const left = restored?.entries.map(({ term }) => term) ?? []
    assert.deepEqual(left, this.rest.slice(0, left.length))
    this.terms.length = this.snapshot.index + left.length
  }

  async restart() {
    const { restored } = await this.open()
    assert.ok(restored)
    assert.equal(restored.snapshot.index, this.snapshot.index)
    assert.deepEqual(
      restored.entries.map(({ term }) => term),
      this.rest,
    )
  }
}

async function take(paper: Paper, next: Step): Promise<void> {
  switch (next.kind) {
    case 'write':
      return await paper.write(next)
    case 'promise':
      return await paper.persist(paper.terms.length + 1, [])
    case 'save':
      return await paper.save(next)
    case 'install':
      return await paper.install(next)
    case 'damage':
      return await paper.damage(next)
    case 'restart':
      return await paper.restart()
  }
}

test('a disk gives back the log as it was written, and of a damaged one the beginning', () =>
  fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 2, maxLength: STEPS_MAX, size: 'max' }),
      async (steps) => {
        const paper = new Paper()
        await paper.open()
        await paper.store.found(noConfig)
        for (const next of steps) await take(paper, next)
        await paper.restart()
      },
    ),
    { numRuns: HISTORIES },
  ))
