/**
 * `skein runs watch`, and what `skein run` does after it has begun one: a live tree on a terminal,
 * a line for each change elsewhere, and the exit code of the run. Leaving it leaves the run alone.
 */
import { exitCodes } from '../../protocol/exit-codes.ts'
import { Problem } from '../../protocol/problem.ts'
import type { Run, RunNews, Stage } from '../api/run-schemas.ts'
import { brokenOff } from './answer.ts'
import { type Context, document, sleep } from './context.ts'
import { age, clockTime } from './figures.ts'
import { resumeLimits } from './limits.ts'
import { endText } from './run-expected.ts'
import { Picture } from './run-picture.ts'
import { runState } from './runs.ts'
import { hostsOf, reasonOf, stageState } from './stage-text.ts'
import { plain } from './table.ts'

export interface WatchFlags {
  /** False: leave when it waits for an approval. */
  wait: boolean
}

type Left = 'ended' | 'waits' | 'interrupted'

export async function watch(
  context: Context,
  reference: string,
  { wait }: WatchFlags,
): Promise<number> {
  const watched = new Watched(context, reference, wait)
  const left = await watched.follow()
  const { run } = watched
  if (left === 'interrupted') {
    if (!context.quiet) comeBack(context, run?.id ?? reference)
    return exitCodes.interrupted
  }
  if (run === undefined) return exitCodes.noAnswer
  if (context.json) {
    document(context, await context.client.call('run', { parameters: { run: run.id } }))
  }
  if (left === 'waits') {
    if (!context.quiet) await sayWhoApproves(context, run)
    return exitCodes.waiting
  }
  if (run.state === 'failed' && !context.quiet && !context.json) lookInto(context, watched)
  return run.state === 'succeeded' ? exitCodes.done : exitCodes.failed
}

/** Where to look next: what the stage wrote that failed, or else why it did. */
function lookInto({ io }: Context, { run, failed }: Watched): void {
  const id = plain(run?.id ?? '')
  if (failed !== undefined) io.err(`what it wrote: skein runs logs ${id} ${plain(failed)}\n`)
  io.err(`why, and where it was tried: skein runs explain ${id}\n`)
}

/** Nobody approves a run of their own: whoever has started it is told to ask somebody. */
async function sayWhoApproves({ client, io }: Context, { id, by }: Run): Promise<void> {
  const isOwn = (await client.signIn.holder()).name === by
  const who = isOwn ? `somebody else than ${plain(by)}` : 'somebody who may'
  io.err(`run ${plain(id)} waits for an approval by ${who}: skein approve ${plain(id)}\n`)
  io.err(`come back with: skein runs watch ${plain(id)}\n`)
}

function comeBack({ io }: Context, run: string): void {
  io.err(`the run goes on; come back with: skein runs watch ${plain(run)}\n`)
  io.err(`stop it with: skein runs cancel ${plain(run)}\n`)
}

class Watched {
  run: Run | undefined
  private readonly context: Context
  private readonly reference: string
  private readonly wait: boolean
  private readonly stages = new Map<string, Stage>()
  private readonly picture: Picture | undefined
  private failures = 0
  /** Where every line stays, one word on it is enough. */
  private isExpected = false

  constructor(context: Context, reference: string, wait: boolean) {
    this.context = context
    this.reference = reference
    this.wait = wait
    const { io, json, quiet } = context
    if (io.terminal && !json && !quiet) this.picture = new Picture(io)
  }

  /** Until the run has ended, also when the agent that tells of it is started again in between. */
  async follow(): Promise<Left> {
    const { interrupted, client } = this.context
    this.picture?.begin()
    try {
      for (;;) {
        try {
          const left = await this.listen()
          if (left !== undefined) return left
          this.broke(brokenOff(client.address))
        } catch (error) {
          if (interrupted.aborted) return 'interrupted'
          if (!(error instanceof Problem)) throw error
          this.broke(error)
        }
        await sleep(pauseMsAfter(this.failures), interrupted)
        if (interrupted.aborted) return 'interrupted'
      }
    } finally {
      this.picture?.end()
    }
  }

  /** The stage that wrote something and failed, of several the one that the run failed by. */
  get failed(): string | undefined {
    const all = [...this.stages.values()].filter((it) => it.state === 'failed' && it.attempt > 0)
    const reason = this.run?.reason ?? ''
    return (all.find(({ name }) => reason.startsWith(`${name} `)) ?? all[0])?.name
  }

  private async listen(): Promise<Left | undefined> {
    const { client } = this.context
    const parameters = { run: this.run?.id ?? this.reference }
    for await (const news of await client.stream('watchRun', { parameters })) {
      this.failures = 0
      this.take(news)
      if (isOver(news.run)) return 'ended'
      if (!this.wait && this.waitsForPeople()) return 'waits'
    }
    return undefined
  }

  private waitsForPeople(): boolean {
    const stages = [...this.stages.values()]
    const isBusy = stages.some(({ state }) => state === 'assigned' || state === 'open')
    return !isBusy && stages.some(({ waitsFor }) => waitsFor === 'approval')
  }

  /** What cannot be mended by trying again is told at once. */
  private broke(problem: Problem): void {
    this.failures++
    const passes = problem.exitCode === exitCodes.noAnswer
    if (!passes || this.failures > resumeLimits.triesMax) throw problem
    const { io, json, quiet } = this.context
    if (this.failures === 1 && !json && !quiet) io.err(`${problem.why}; trying again\n`)
  }

  private take({ run, stages, expected }: RunNews): void {
    const { io, json, quiet } = this.context
    for (const stage of stages) {
      const before = this.stages.get(stage.name)
      this.stages.set(stage.name, stage)
      if (this.picture || json || quiet || !differs(stage, before)) continue
      io.err(`${lineOf(stage, io)}\n`)
    }
    const before = this.run
    this.run = run
    this.picture?.show(run, [...this.stages.values()], expected)
    if (this.picture || json || quiet) return
    if (expected !== undefined && !this.isExpected) {
      this.isExpected = true
      io.err(`run ${plain(run.id)} is expected to end ${endText(expected, Date.now())}\n`)
    }
    if (isOver(run) || (before && before.stopping !== run.stopping)) {
      const why = run.reason ? `: ${plain(run.reason)}` : ''
      const took = run.endedMs === undefined ? '' : ` in ${age(run.endedMs - run.startedMs)}`
      io.err(`run ${plain(run.id)} ${runState(run, io)}${took}${why}\n`)
    }
  }
}

function pauseMsAfter(failures: number): number {
  const { pauseMsMin, pauseMsMax } = resumeLimits
  return Math.min(pauseMsMax, pauseMsMin * 2 ** Math.min(failures, 10))
}

function isOver({ state }: Run): boolean {
  return state === 'succeeded' || state === 'failed' || state === 'cancelled'
}

function differs(stage: Stage, before: Stage | undefined): boolean {
  // One that no host can take has not changed otherwise.
  if (stage.state === 'pending') return stage.why !== undefined && before?.why !== stage.why
  if (before === undefined) return true
  const isRaced = stage.rival !== undefined && before.rival === undefined
  const isLate = stage.late !== undefined && before.late === undefined
  return stage.state !== before.state || stage.attempt !== before.attempt || isRaced || isLate
}

function lineOf(stage: Stage, io: Context['io']): string {
  const where = stage.nodeName === undefined ? '' : ` on ${plain(hostsOf(stage))}`
  const why = reasonOf(stage)
  const at = clockTime(stage.changedMs ?? Date.now())
  return `${at} ${plain(stage.name)} ${stageState(stage, io)}${where}${why === undefined ? '' : `: ${plain(why)}`}`
}
