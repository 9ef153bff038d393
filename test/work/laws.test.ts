/** What holds whatever leaders say, in whatever order, and however often the agent dies. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { within } from '../../protocol/ports/disk.ts'
import type { Assignment } from '../../protocol/work/attempt.ts'
import { attemptKey } from '../../protocol/work/fence.ts'
import { SeededEntropy } from '../../simulations/world/entropy.ts'
import type { Program } from '../../simulations/world/programs.ts'
import { type Leader, noop, Stage } from './stage.ts'

const HISTORIES = 40
const MOVES = 60
const TASKS = 4

interface Watch {
  /** By fence and attempt: how often a program of it was started. */
  readonly starts: Map<string, number>
  /** By task: programs of it that are alive. */
  readonly alive: Map<string, number>
}

/** Runs for a while, with a child that now and then outlives it, and deaf to signals at times. */
function watched(watch: Watch, chance: SeededEntropy): Program {
  return (self) => {
    const { SKEIN_STAGE = '', SKEIN_ATTEMPT = '', FENCE = '' } = self.env
    const attempt = `${SKEIN_STAGE}#${SKEIN_ATTEMPT}@${FENCE}`
    watch.starts.set(attempt, (watch.starts.get(attempt) ?? 0) + 1)
    const alive = (watch.alive.get(SKEIN_STAGE) ?? 0) + 1
    assert.equal(alive, 1, `${attempt} is alone with its task`)
    watch.alive.set(SKEIN_STAGE, alive)
    if (chance.unit() < 0.3) self.on('SIGTERM', 'nothing')
    if (chance.unit() < 0.3) self.fork((child) => child.after(600_000, () => child.exit(0)))
    self.after(20 + 3_000 * chance.unit() ** 2, () => self.exit(chance.unit() < 0.3 ? 1 : 0))
  }
}

class History {
  readonly stage: Stage
  readonly watch: Watch = { starts: new Map(), alive: new Map() }
  readonly chance: SeededEntropy
  readonly sent: Assignment[] = []
  leaders: Leader[]
  readonly #attempts = new Map<string, number>()
  readonly #done = new Set<Assignment>()

  constructor(seed: string) {
    this.chance = new SeededEntropy(seed)
    const programs = { work: watched(this.watch, this.chance.stream('program') as SeededEntropy) }
    this.stage = new Stage({ seed, programs, work: { attemptsMax: 3 } })
    // Who is alive is the machine's to say: a program that is killed does not get to.
    this.leaders = [this.stage.leader]
  }

  get leader(): Leader {
    return this.leaders.at(-1) as Leader
  }

  assign(): Assignment {
    const stage = `t${Math.floor(this.chance.unit() * TASKS)}`
    const attempt = (this.#attempts.get(stage) ?? 0) + 1
    this.#attempts.set(stage, attempt)
    const what = this.chance.unit() < 0.2 ? noop : ['work']
    const made = this.stage.assignment(what)
    const fence = { term: this.leader.term, index: made.fence.index }
    const env = { FENCE: `${fence.term}-${fence.index}` }
    const assignment = { ...made, id: { run: 'r', stage, attempt }, fence, env }
    this.sent.push(assignment)
    this.leader.assign(assignment)
    return assignment
  }

  /** No leader asks for what it has called committed, or has heard to be refused. */
  private assignAgain(of: Assignment): void {
    const refused = this.leaders.some((leader) => leader.refusalOf(of) !== undefined)
    if (!refused && !this.#done.has(of)) this.leader.assign(of)
  }

  /** One that does not know that its time is over says what it likes. */
  private pastLeader(): Leader | undefined {
    const past = this.leaders.slice(0, -1)
    return past[Math.floor(this.chance.unit() * past.length)]
  }

  async move(): Promise<void> {
    const { chance, stage } = this
    const any = this.sent[Math.floor(chance.unit() * this.sent.length)]
    const draw = chance.unit()
    if (draw < 0.45 || any === undefined) this.assign()
    else if (draw < 0.6) this.assignAgain(any)
    else if (draw < 0.7) this.leader.cancel(any, chance.unit() < 0.5)
    else if (draw < 0.75) this.pastLeader()?.assign(any)
    else if (draw < 0.8) {
      this.leader.committed(any)
      this.#done.add(any)
    } else if (draw < 0.85) {
      this.leaders.push(stage.leaderOf(this.leaders.length + 1))
      await stage.world.runFor(5)
      await stage.talking(this.leader)
    } else if (draw < 0.95) {
      const kind = chance.unit() < 0.5 ? 'kill' : 'powerLoss'
      await stage.again(kind, 200 * chance.unit())
      await stage.talking(this.leader)
    }
    await stage.world.runFor(chance.unit() < 0.5 ? 10 * chance.unit() : 1_000 * chance.unit())
  }
}

test('each attempt is begun once at most, alone with its task, and has one end', async () => {
  let begun = 0
  let ended = 0
  for (let i = 0; i < HISTORIES; i++) {
    const history = new History(`law ${i}`)
    const { stage, watch } = history
    await stage.ready()
    countTheLiving(stage, watch)
    await stage.talking()
    for (let move = 0; move < MOVES; move++) await history.move()

    // Whatever was refused or lost on its way aside: all that is held comes to an end, and is told.
    await stage.talking(history.leader)
    await stage.until(() => stage.desk!.running + stage.desk!.waiting === 0, 'all is over', 600_000)
    await stage.world.runFor(120_000)
    assert.equal(stage.host.processTable.alive, 0, 'nothing is left')
    for (const [attempt, count] of watch.starts) assert.equal(count, 1, `${attempt} in ${i}`)
    for (const assignment of history.sent) {
      const all = history.leaders.flatMap((leader) => leader.resultsOf(assignment))
      const ends = new Set(all.map(({ outcome }) => JSON.stringify(outcome)))
      assert.ok(ends.size <= 1, `${attemptKey(assignment.id)} has one end: ${[...ends].join(' ')}`)
      ended += ends.size
    }
    begun += watch.starts.size
    history.leader.committed(...history.sent)
    await stage.until(() => stage.desk!.uncommitted === 0, 'all is committed')
    await stage.world.runFor(1_000)
    assert.deepEqual(await recordsOf(stage), ['work/desk'])
  }
  assert.ok(begun > 5 * HISTORIES && ended > 10 * HISTORIES, `${begun} begun, ${ended} ended`)
})

/** Whenever something happens: how many programs of each task there are. */
function countTheLiving(stage: Stage, watch: Watch): void {
  const { processTable } = stage.host
  const start = processTable.start.bind(processTable)
  processTable.start = (program, spec, output) => {
    const task = spec.env.SKEIN_STAGE ?? ''
    let others = 0
    for (const _ of processTable.marked('SKEIN_STAGE', (name) => name === task)) others++
    assert.equal(others, 0, `nobody else of ${task} is alive`)
    watch.alive.delete(task)
    return start(program, spec, output)
  }
}

async function recordsOf(stage: Stage): Promise<string[]> {
  const keys: string[] = []
  let read = false
  void (async () => {
    for await (const [key] of stage.ports!.disk.scan(within('work/'))) keys.push(key)
    read = true
  })()
  await stage.until(() => read, 'the disk is read')
  return keys.filter((key) => !key.startsWith('work/log/'))
}
