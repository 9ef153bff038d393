/**
 * `skein events`: what happened, and with `-f` what happens, without a gap and without a double.
 * A follower whose stream breaks comes back by the number of the last event it saw, also when the
 * agent was started again in between.
 */
import { exitCodes } from '../../protocol/exit-codes.ts'
import { Problem } from '../../protocol/problem.ts'
import { brokenOff } from './answer.ts'
import { type Context, sleep } from './context.ts'
import { ToldEvents } from './events-told.ts'
import { EVENTS_MAX, type ResumeLimits, resumeLimits } from './limits.ts'

export interface EventsOptions {
  follow?: boolean
  since?: string
  last?: string
}

const LAST_DEFAULT = 100

export async function events(
  context: Context,
  options: EventsOptions,
  limits: ResumeLimits = resumeLimits,
): Promise<number> {
  const since = options.since === undefined ? undefined : Number(options.since)
  // Whoever names the event they saw last wants all that came after it.
  const last = Number(options.last ?? (since === undefined ? LAST_DEFAULT : EVENTS_MAX))
  if (options.follow) return new Follower(context, since, last, limits).follow()
  const query = { last, ...(since === undefined ? {} : { since }) }
  const told = new ToldEvents(context)
  try {
    for await (const event of await context.client.stream('events', { query })) told.take(event)
  } finally {
    told.flush()
  }
  return exitCodes.done
}

class Follower {
  private readonly context: Context
  private readonly limits: ResumeLimits
  private readonly told: ToldEvents
  private last: number
  /** The last event that was shown; undefined until that is known. */
  private since: number | undefined
  /** Streams in a row that broke, or never began, without an event. */
  private failures = 0
  private connected = false

  constructor(context: Context, since: number | undefined, last: number, limits: ResumeLimits) {
    this.context = context
    this.since = since
    this.last = last
    this.limits = limits
    this.told = new ToldEvents(context)
  }

  async follow(): Promise<number> {
    while (!this.context.interrupted.aborted) {
      try {
        await this.listen()
        this.broke(brokenOff(this.context.client.address))
      } catch (error) {
        if (!(error instanceof Problem)) throw error
        if (error.exitCode === exitCodes.interrupted) break
        this.broke(error)
      }
      await this.pause()
    }
    this.sayHowToComeBack()
    return exitCodes.interrupted
  }

  /** Shows events until the stream ends. */
  private async listen(): Promise<void> {
    // Shown nothing of the past, it must still know where the present begins.
    if (this.since === undefined && this.last === 0) await this.skipPast()
    const whole = this.since !== undefined && this.last === EVENTS_MAX
    const since = this.since === undefined ? {} : { since: this.since }
    const query = { last: this.last, follow: 'true', ...since }
    const stream = await this.context.client.stream('events', { query })
    this.connected = true
    // Also a stream that breaks before its first event has begun somewhere: at the beginning.
    this.since ??= 0
    for await (const event of stream) {
      if (whole && event.seq > this.since + 1) this.sayLost(this.since + 1, event.seq - 1)
      this.since = event.seq
      this.failures = 0
      this.told.take(event)
    }
  }

  private async skipPast(): Promise<void> {
    let newest = 0
    const past = await this.context.client.stream('events', { query: { last: 1 } })
    for await (const event of past) newest = event.seq
    this.since = newest
    this.last = EVENTS_MAX
  }

  /** Throws what coming back would not mend. */
  private broke(problem: Problem): void {
    if (!this.connected) throw problem
    this.last = EVENTS_MAX
    if (problem.code === 'conflict') {
      this.since = 0
      this.say('the events of this agent begin anew')
      return
    }
    const mayPass = problem.exitCode === exitCodes.noAnswer && problem.code !== 'notSkein'
    if (!mayPass || ++this.failures > this.limits.triesMax) {
      this.sayHowToComeBack()
      throw problem
    }
    if (this.failures === 1) this.say(`${problem.why}; resuming after event ${this.since}`)
  }

  private pause(): Promise<void> {
    const { pauseMsMin, pauseMsMax } = this.limits
    const ms = Math.min(pauseMsMax, pauseMsMin * 2 ** Math.max(0, this.failures - 1))
    return sleep(ms, this.context.interrupted)
  }

  private sayLost(first: number, last: number): void {
    this.say(`events ${first} to ${last} are gone: an agent keeps ${EVENTS_MAX}`)
  }

  private sayHowToComeBack(): void {
    const { address, who = '', json } = this.context
    const since = this.since === undefined ? '' : ` --since ${this.since}`
    const where = address === undefined ? '' : ` --address ${address}`
    this.say(`to go on: skein events -f${since}${where}${who}${json ? ' --json' : ''}`)
  }

  private say(text: string): void {
    this.told.flush()
    if (!this.context.quiet) this.context.io.err(`${text}\n`)
  }
}
