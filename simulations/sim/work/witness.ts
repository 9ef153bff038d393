/**
 * Sees what nobody in a mesh sees: every entry of the ledger when it is first applied anywhere,
 * every program on every host when it begins and when it ends, and what is alive where. Feeds the
 * checkers with it, and keeps the first thing that must never be.
 */
import { WorkflowLibrary } from '../../../coordinator/runs/library.ts'
import { assert } from '../../../protocol/assert.ts'
import { type Entry, entryKind } from '../../../protocol/consensus/messages.ts'
import type { Change, LedgerEvent, UnitChange } from '../../../protocol/ledger/events.ts'
import { machine } from '../../../protocol/ledger/machine.ts'
import { read } from '../../../protocol/ledger/read.ts'
import { viewUnit, wholeRun } from '../../../protocol/ledger/read-run.ts'
import { genesis, type LedgerState } from '../../../protocol/ledger/state.ts'
import type { UnitView } from '../../../protocol/ledger/work-view.ts'
import { decode } from '../../../protocol/wire/codec.ts'
import { Finished } from '../../../protocol/work/attempt.ts'
import { type AttemptId, attemptKey, taskKey } from '../../../protocol/work/fence.ts'
import { isRunOver } from '../../../protocol/work/states.ts'
import type { Stage } from '../../../protocol/workflow/model.ts'
import { AttemptLives } from '../../checkers/attempt-lives.ts'
import { Placements } from '../../checkers/placements.ts'
import { type Group, Places } from '../../checkers/places.ts'
import { RunLives, textOf } from '../../checkers/run-lives.ts'
import { complaintsAbout } from '../../checkers/run-meaning.ts'
import { type Violation, violation } from '../../checkers/violation.ts'
import { VotesOnce } from '../../checkers/votes-once.ts'
import type { Host } from '../../world/host.ts'
import type { ProgramSelf } from '../../world/programs.ts'
import type { World } from '../../world/world.ts'
import type { WorkMoment } from '../fault.ts'
import { filesIn, wrongFiles } from './files-seen.ts'
import { adopts, type Left, leftOf } from './living.ts'
import type { Ear } from './programs.ts'
import { Remembered } from './remembered.ts'
import { textOfChange } from './telling.ts'

export interface WorkListening {
  judge(found: Violation | undefined): void
  /** In the life of an attempt that is this host's. */
  notice(moment: WorkMoment, host: Host | undefined): void
  say(host: string, text: string): void
  labels(host: Host): Readonly<Record<string, string>>
}

const noPayload = new Uint8Array(0)

export class WorkWitness {
  readonly runs = new RunLives()
  readonly attempts = new AttemptLives()
  readonly votes = new VotesOnce()
  readonly remembered = new Remembered()
  private readonly places = new Places()
  private readonly placements = new Placements()
  /** As of the last entry that anybody has applied. */
  state: LedgerState = genesis
  private readonly world: World
  private readonly listening: WorkListening
  private readonly library = new WorkflowLibrary()
  /** Entries that began a run. */
  private readonly beginnings = new Set<number>()
  private begun = 0

  constructor(world: World, listening: WorkListening) {
    this.world = world
    this.listening = listening
  }

  // ── The ledger ────────────────────────────────────────────────────────────────────────────────

  /** Each host tells it; the first that does counts. */
  applied(index: number, { term, kind, data }: Entry): void {
    if (index <= this.state.index) return
    const payload = kind === entryKind.normal ? data : noPayload
    const applied = machine.apply(this.state, { index, term, payload })
    assert(applied.kind === 'applied', 'a simulated mesh has one version', { index })
    this.state = applied.state
    for (const event of applied.events) this.happened(event)
    this.listening.judge(this.places.judge())
  }

  private happened({ change, timeMs }: LedgerEvent): void {
    const { judge, say } = this.listening
    const text = textOfChange(change)
    if (text !== undefined) say('', text)
    switch (change.kind) {
      case 'runStarted':
        return this.runStarted(change)
      case 'runStopping':
        return this.runs.stopping(change.run, change.mode)
      case 'runChanged':
        return this.runChanged(change)
      case 'unitChanged':
        return this.unitChanged(change, timeMs)
      case 'voted':
        return judge(this.votes.votes(textOf(change), change.by, change.approves))
      case 'nodeDrained':
        return this.placements.drains(change.node, this.world.nowMs)
      case 'nodeUndrained':
        return this.placements.undrains(change.node)
      default:
        return
    }
  }

  private runStarted({ run, workflow: hash }: Extract<Change, { kind: 'runStarted' }>): void {
    const found = this.library.find(this.state, hash)
    if (!found.ok) {
      const what = `${run} began without a workflow: ${found.why}`
      return this.listening.judge(violation('a run has its workflow', what))
    }
    const { head, spec } = read(this.state, { kind: 'runGet', run, limit: 1 }).value ?? {}
    this.beginnings.add(this.state.index)
    this.listening.judge(this.remembered.begins(run, spec?.key))
    this.listening.judge(this.runs.started(run, found.workflow, head?.state === 'queued'))
  }

  private runChanged({ run, state }: Extract<Change, { kind: 'runChanged' }>): void {
    const { judge } = this.listening
    judge(this.runs.runIs(run, state))
    if (isRunOver(state)) {
      this.places.leaves(run)
      return this.runEnded(run)
    }
    const spec = read(this.state, { kind: 'runGet', run, limit: 1 }).value?.spec
    if (spec?.group === undefined) return
    const { key, limit, policy } = spec.group
    const name = policy === 'roundRobin' ? `all runs of ${spec.name}` : `runs of ${key}`
    this.places.takes(run, { name, limit })
  }

  /** Whether a run began with that entry. */
  hasBegun(index: number): boolean {
    return this.beginnings.has(index)
  }

  private unitChanged(change: UnitChange, timeMs: number): void {
    const { judge } = this.listening
    const { run, stage, item, state, attempt, node, race } = change
    const name = { run, stage, item }
    const before = this.runs.stateOf(name)
    const view = viewUnit(this.state, item === undefined ? { run, stage } : { run, stage, item })
    assert(view !== undefined, 'what has changed is there', { unit: textOf(name) })
    const id: AttemptId = { run, stage, attempt, ...(item === undefined ? {} : { item }) }
    if (race === 'left') return this.attemptEnded(id, change, view)
    judge(this.runs.unitIs(name, state, adopts(view)))
    const text = textOf(name)
    if (before === 'assigned' && race === undefined) {
      this.places.leaves(text)
      this.attemptEnded(id, change, view)
    }
    if (state === 'assigned') {
      assert(node !== undefined, 'what is assigned is somebody’s', { unit: text })
      const mayJoin = this.runs.stageOf(name)?.race === true ? 'allowed' : 'forbidden'
      const joins = race === 'joined' ? mayJoin : 'no'
      judge(this.attempts.observe({ kind: 'assigned', id, node, fence: this.fence, joins }))
      this.judgePlace(id, text, node)
      this.notice('assigns', node)
    }
    judge(this.votes.goesOn(text, { ...view, state }, timeMs))
    if (state === 'waiting' && view.waitsFor === 'approval') {
      const spec = read(this.state, { kind: 'runGet', run, limit: 1 }).value?.spec
      this.votes.asks(text, view, spec?.by ?? '')
    }
  }

  private judgePlace(id: AttemptId, unit: string, node: string): void {
    const stage = this.runs.stageOf(id)
    const host = this.hostOf(node)
    if (stage === undefined || host === undefined) return
    const { judge, labels } = this.listening
    const place = { id: host.id, name: host.name, labels: labels(host) }
    judge(this.placements.assigned(unit, stage, place, this.world.nowMs))
    const group = this.groupOf(id, stage)
    if (group !== undefined) this.places.takes(unit, group)
  }

  private groupOf({ run, stage }: AttemptId, { concurrency }: Stage): Group | undefined {
    if (concurrency === undefined) return undefined
    const { key, limit, policy } = concurrency
    const of = this.runs.workflowOf(run)?.name
    const name = policy === 'roundRobin' ? `all stages ${stage} of ${of}` : `stages of ${key[0]}`
    return { name, limit }
  }

  /** The view may be of a later attempt already, when that was assigned in the same entry. */
  private attemptEnded(id: AttemptId, { state, race }: UnitChange, view: UnitView): void {
    const record = view.attempts?.find(({ attempt }) => attempt === id.attempt)?.record
    const finished = record === undefined ? undefined : decode(Finished, record)
    const node = this.attempts.nodeOf(id)
    const host = this.hostOf(node)
    this.listening.judge(
      this.attempts.observe({
        kind: 'ended',
        id,
        leaves: race === 'left',
        to: state,
        finished: finished?.ok ? finished.value : undefined,
        outputs: state === 'succeeded' ? view.outputs : undefined,
        alive: host ? this.left(host, (left) => left.attempt === attemptKey(id)).length : 0,
        isSeen: this.runs.stageOf(id)?.step.kind === 'run',
      }),
    )
    this.notice('commits', node)
  }

  private runEnded(run: string): void {
    const view = wholeRun(this.state, { run, attempts: true })
    const workflow = this.runs.workflowOf(run)
    if (view === undefined || workflow === undefined) return
    this.remembered.ends(view)
    const childState = (child: string) =>
      read(this.state, { kind: 'runGet', run: child, limit: 1 }).value?.head.state
    const lines = complaintsAbout(workflow, view, childState)
    if (lines.length === 0) return
    const what = `${run} did not come out as its workflow says`
    this.listening.judge(violation('a run means what its workflow says', what, lines))
  }

  private get fence() {
    const { term, index } = this.state
    return { term, index }
  }

  // ── The hosts ─────────────────────────────────────────────────────────────────────────────────

  /** For the programs of one host. */
  ear(host: Host): Ear {
    return {
      begins: (self) => this.programBegins(host, self),
      exits: (self, mark, code, written) => {
        this.attempts.observe({ kind: 'exits', mark, code, written })
        this.listening.say(host.name, `${mark} exits with ${code}`)
        this.noticeAt('ends', host, idOf(self))
      },
    }
  }

  diskLost(host: Host): void {
    this.attempts.observe({ kind: 'diskLost', host: host.id })
  }

  /** Everything of attempts that is alive on a host. */
  left(host: Host, wanted: (left: Left) => boolean = () => true): Left[] {
    return leftOf(host).filter(wanted)
  }

  notice(moment: WorkMoment, node: string | undefined): void {
    this.listening.notice(moment, this.hostOf(node))
  }

  private programBegins(host: Host, self: ProgramSelf): string {
    const id = idOf(self)
    const mark = `${attemptKey(id)} ${host.name}.${++this.begun}`
    const { judge, say } = this.listening
    const task = taskKey(id)
    const own = attemptKey(id)
    const others = this.left(host, (left) => left.task === task && left.attempt !== own)
    const names = others.map(({ attempt }) => attempt)
    say(host.name, `${mark} begins: ${self.argv.join(' ')}`)
    judge(this.attempts.observe({ kind: 'begins', id, host: host.id, mark, others: names }))
    judge(this.runs.programBegins(id))
    this.judgeSeen(id, mark, self)
    const wrong = wrongFiles(this.state, id.run, this.runs.stageOf(id)!, () =>
      filesIn(host, self.cwd),
    )
    if (wrong.length > 0) {
      const what = `${mark} is given files that are not what was committed`
      judge(violation('no output of a fenced attempt is visible', what, wrong))
    }
    this.noticeAt('runs', host, id)
    return mark
  }

  /** What it is told of other stages is what the ledger has of them. */
  private judgeSeen({ run }: AttemptId, mark: string, { env }: ProgramSelf): void {
    for (const [name, seen] of Object.entries(env)) {
      if (!name.startsWith('SAW_')) continue
      const stage = name.slice('SAW_'.length)
      const outputs = viewUnit(this.state, { run, stage })?.outputs
      const held = outputs === undefined ? undefined : String(JSON.parse(outputs).v)
      if (held === seen) continue
      const what = `${mark} was told ${seen} of ${stage}; committed is ${held}`
      this.listening.judge(violation('no output of a fenced attempt is visible', what))
    }
  }

  private noticeAt(moment: WorkMoment, host: Host, { run }: AttemptId): void {
    if (this.runs.isKnown(run)) this.listening.notice(moment, host)
  }

  private hostOf(node: string | undefined): Host | undefined {
    return this.world.hosts.find(({ id }) => id === node)
  }
}

function idOf({ env }: ProgramSelf): AttemptId {
  const { SKEIN_RUN = '', SKEIN_STAGE = '', SKEIN_ITEM, SKEIN_ATTEMPT } = env
  const item = SKEIN_ITEM === undefined ? {} : { item: Number(SKEIN_ITEM) }
  return { run: SKEIN_RUN, stage: SKEIN_STAGE, ...item, attempt: Number(SKEIN_ATTEMPT) }
}
