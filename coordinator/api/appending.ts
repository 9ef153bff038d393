/** Commands to the ledger on behalf of a person, and what to tell them when it did not work. */
import type { Agent } from '../../agent/agent.ts'
import type { Command } from '../../protocol/ledger/catalogue.ts'
import type { Appended } from '../../protocol/ledger/ledger.ts'
import type { Result } from '../../protocol/ledger/result.ts'
import { ApiRefusal } from './refusal.ts'

/** Long enough for an election in between. */
const TIMEOUT_MS = 8_000
/** How long an agent that lags waits to see what it has had written. */
const SEEN_TIMEOUT_MS = 8_000

/** The result of a command that took effect, or that the ledger had already. */
export async function appended(
  agent: Agent,
  command: Command,
  signal: AbortSignal,
): Promise<Result> {
  const result = await applied(agent, command, signal)
  if (result.code === 'ok' || result.code === 'notFound') return result
  throw new ApiRefusal(
    'conflict',
    `the ledger answered ${result.code}`,
    'look at the state and try again',
  )
}

/**
 * Whatever the ledger has answered. Who asks this agent next sees it: the leader's answer may be
 * here before the entry, so that is waited for, though what was done is done without it.
 */
export async function applied(
  agent: Agent,
  command: Command,
  signal: AbortSignal,
): Promise<Result> {
  const { ledger } = agent
  const outcome = await ledger.append(command, { timeoutMs: TIMEOUT_MS, signal })
  if (outcome.kind !== 'applied') throw refusalOf(outcome)
  const { index, result } = outcome
  if (ledger.state.index < index) {
    const consistency = { atLeast: index }
    await ledger.read({ kind: 'status' }, { consistency, timeoutMs: SEEN_TIMEOUT_MS, signal })
  }
  return result
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
