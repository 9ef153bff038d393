/**
 * `skein federate round`: asks for rounds and follows them, phase by phase. What was asked for goes on
 * without this command.
 */
import { exitCodes } from '../../protocol/exit-codes.ts'
import { Problem } from '../../protocol/problem.ts'
import type { FederatedRound, Federation } from '../api/federation-routes.ts'
import { roundsLimits } from '../learning/rounds/limits.ts'
import { type Context, document, sleep } from './context.ts'
import { hostTable, inOneLine, stoppedText, underWay } from './federate-text.ts'
import { wished } from './federate-wish.ts'

export interface RoundFlags {
  count: string
  family?: FederatedRound['family']
  /** False for `--no-wait`. */
  wait: boolean
  timeout: string
}

const LOOK_MS = 150

interface Seen {
  readonly rounds: readonly FederatedRound[]
  /** Whether nothing more is to come. */
  readonly isOver: boolean
  /** Who has ended it. */
  readonly stopped?: Federation['stopped']
}

export async function round(context: Context, flags: RoundFlags): Promise<number> {
  const { client, io, quiet, json } = context
  const count = Number(flags.count)
  const family = flags.family === undefined ? {} : { family: flags.family }
  const asked = await wished(context, (seen) =>
    client.call('askForRounds', { body: { count, seen, ...family } }),
  )
  if (!flags.wait) {
    if (json) document(context, { ...asked, type: 'asked' })
    else if (!quiet) io.err(`asked for; ${goesOn}`)
    return exitCodes.done
  }
  return follow(context, asked, 1_000 * Number(flags.timeout))
}

const goesOn = 'see how far it is with: skein federate status\n'

async function follow(
  context: Context,
  { after, count }: { after: number; count: number },
  patienceMs: number,
): Promise<number> {
  const { io, quiet, interrupted } = context
  const untilMs = performance.now() + patienceMs
  const teller = new Teller(context, count)
  while (!interrupted.aborted) {
    const seen = await look(context, after, count)
    for (const each of seen?.rounds ?? []) teller.tell(each)
    if (seen?.isOver === true) return teller.end(seen.stopped)
    if (performance.now() >= untilMs) {
      const why = 'the rounds are not over in time'
      const fix = 'they go on; see how far they are with: skein federate status'
      throw new Problem({ code: 'timeout', why, fix, exitCode: exitCodes.noAnswer })
    }
    await sleep(LOOK_MS, interrupted)
  }
  if (!quiet) io.err(`it goes on; ${goesOn}`)
  return exitCodes.interrupted
}

/** Undefined for a moment, in the middle of an election. */
async function look({ client }: Context, after: number, count: number): Promise<Seen | undefined> {
  try {
    const { round: last, awaited, stopped } = await client.call('federation')
    const hasBegun = (last?.number ?? 0) > after
    const isOver = awaited === 0 && (hasBegun || stopped !== undefined) && last?.state !== 'open'
    // Some may have begun and ended since the last look, and some been lost with their leader.
    const most = Math.min(roundsLimits.roundsMax, count + roundsLimits.lostMax)
    const { rounds } = await client.call('federatedRounds', { query: { last: most } })
    const own = rounds.filter(({ number }) => number > after).reverse()
    return { rounds: own, isOver, ...(stopped === undefined ? {} : { stopped }) }
  } catch (error) {
    if (error instanceof Problem && error.exitCode === exitCodes.noAnswer) return undefined
    throw error
  }
}

class Teller {
  readonly #context: Context
  readonly #count: number
  readonly #told = new Map<number, string>()
  readonly #rounds = new Map<number, FederatedRound>()

  constructor(context: Context, count: number) {
    this.#context = context
    this.#count = count
  }

  /** Once each time that something has changed. */
  tell(of: FederatedRound): void {
    const { json, io, quiet } = this.#context
    const said = of.state === 'open' ? underWay(of) : inOneLine(of)
    if (this.#told.get(of.number) === said) return
    this.#told.set(of.number, said)
    this.#rounds.set(of.number, of)
    if (json) document(this.#context, { schemaVersion: 1, type: 'round', round: of })
    else if (of.state !== 'open') io.out(`${said}\n`)
    else if (!quiet) io.err(`${said}\n`)
  }

  end(stopped: Federation['stopped']): number {
    const { json, io, quiet } = this.#context
    if (stopped !== undefined && json) {
      document(this.#context, { schemaVersion: 1, type: 'stopped', ...stopped })
    } else if (stopped !== undefined && !quiet) io.err(`${stoppedText(stopped)}\n`)
    const rounds = [...this.#rounds.values()]
    const last = rounds.at(-1)
    if (!json && this.#count === 1 && last !== undefined && last.hosts.length > 0) {
      io.out(`\n${hostTable(last, io.columns())}\n`)
    }
    // One that was lost with its leader was begun anew.
    if (last === undefined || last.state === 'failed') return exitCodes.failed
    const wasSilent = rounds.some(({ hosts }) => hosts.some(({ out }) => out === 'silent'))
    return wasSilent ? exitCodes.partly : exitCodes.done
  }
}
