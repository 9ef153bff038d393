/** Commands to the ledger on behalf of a person, and what to tell them when it did not work. */
import type { Agent } from '../../agent/agent.ts'
import type { Command, SimpleCommand } from '../../protocol/ledger/catalogue.ts'
import type { Appended } from '../../protocol/ledger/ledger.ts'
import type { Result } from '../../protocol/ledger/result.ts'
import type { Trail } from '../audit/deed.ts'
import { fitted } from '../audit/deed.ts'
import { ApiRefusal } from './refusal.ts'

/** Long enough for an election in between. */
const TIMEOUT_MS = 8_000
/** How long an agent that lags waits to see what it has had written. */
const SEEN_TIMEOUT_MS = 8_000

/** The result of a command that took effect, or that the ledger had already. */
export async function appended(
  agent: Agent,
  command: SimpleCommand,
  signal: AbortSignal,
  trail?: Trail,
): Promise<Result> {
  const result = await applied(agent, command, signal, trail)
  if (result.code === 'ok' || result.code === 'notFound') return result
  throw new ApiRefusal(
    'conflict',
    `the ledger answered ${result.code}`,
    'look at the state and try again',
  )
}

/**
 * Whatever the ledger has answered. Who asks this agent next sees it: the leader's answer may be
 * here before the entry, so that is waited for, though what was done is done without it. With a
 * trail, the act and its record are one entry; several commands take effect together or not at all.
 */
export async function applied(
  agent: Agent,
  command: SimpleCommand | readonly SimpleCommand[],
  signal: AbortSignal,
  trail?: Trail,
): Promise<Result> {
  const { ledger } = agent
  const whole = wholeOf('kind' in command ? [command] : command, trail)
  const outcome = await ledger.append(whole, {
    timeoutMs: TIMEOUT_MS,
    signal,
    proof: trail?.proof,
  })
  if (outcome.kind !== 'applied') throw refusalOf(outcome)
  if (trail !== undefined) trail.written = true
  const { index, result } = outcome
  if (ledger.state.index < index) {
    const consistency = { atLeast: index }
    await ledger.read({ kind: 'status' }, { consistency, timeoutMs: SEEN_TIMEOUT_MS, signal })
  }
  return result
}

function wholeOf(commands: readonly SimpleCommand[], trail: Trail | undefined): Command {
  const [only] = commands
  if (trail === undefined && only !== undefined && commands.length === 1) return only
  const audit = trail === undefined ? {} : { audit: fitted(trail.note) }
  return { kind: 'batch', value: { commands: [...commands], ...audit } }
}

export function refusalOf(outcome: Exclude<Appended, { kind: 'applied' }>): ApiRefusal {
  if (outcome.kind === 'unknown') {
    const why = 'it was proposed, and nobody knows what came of it'
    return new ApiRefusal('unreachable', why, 'look at the state before you try again')
  }
  switch (outcome.why) {
    case 'noQuorum': {
      const { reachable, needed } = outcome
      const why = `nothing can be decided here: ${reachable} voters are reachable, ${needed} are needed`
      return new ApiRefusal(
        'unreachable',
        why,
        'skein health says who is missing; nothing was changed',
      )
    }
    case 'overloaded':
    case 'full':
      return new ApiRefusal('overloaded', 'the ledger has too much to do', 'try again in a moment')
    case 'notSigned':
      return new ApiRefusal('refused', outcome.detail, 'sign it anew, and ask again')
    case 'tooLarge':
    case 'malformed':
      return new ApiRefusal('badRequest', outcome.detail, 'make it smaller, and try again')
    default:
      return new ApiRefusal(
        'unreachable',
        'the ledger takes no commands now',
        'skein health says why',
      )
  }
}
