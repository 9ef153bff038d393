/** Does the ledger's chores, one after the other, for as long as this host's turn lasts. */
import type { Agent } from '../../agent/agent.ts'
import type { Leadership } from '../../protocol/ledger/ledger.ts'
import { LEDGER_VERSION } from '../../protocol/ledger/state.ts'
import { type Holder, nextChore } from './chores.ts'
import { housekeepingLimits } from './limits.ts'

export function keepHouse(agent: Agent, leadership: Leadership): void {
  let busy = false
  const timer = agent.ports.clock.every(housekeepingLimits.everyMs, async () => {
    if (busy) return
    busy = true
    await tidy(agent, leadership)
    busy = false
  })
  leadership.over.addEventListener('abort', () => timer.cancel(), { once: true })
}

async function tidy(agent: Agent, { over }: Leadership): Promise<void> {
  const { ledger, ports } = agent
  const { stepsMax, timeoutMs } = housekeepingLimits
  const log = ports.log.child('autopilot')
  for (let steps = 0; steps < stepsMax && !over.aborted; steps++) {
    const timeMs = ledger.now()
    const chore = nextChore(ledger.state, holdersOf(agent), timeMs)
    if (!chore) return
    const { command, why } = chore
    const outcome = await ledger.append(command, { timeoutMs })
    if (outcome.kind !== 'applied' || outcome.result.code !== 'ok') {
      const answer = outcome.kind === 'applied' ? outcome.result.code : outcome.why
      log.warn('a chore was not done', { command: command.kind, why, answer })
      return
    }
    log.info('a chore is done', { command: command.kind, why, index: outcome.index })
  }
}

function holdersOf(agent: Agent): Holder[] {
  const { ledger, membership } = agent
  const config = ledger.config
  if (!config) return []
  const known = new Map(membership.members().map((member) => [member.id, member]))
  const votes = new Set([...config.voters, ...config.outgoing].map(({ id }) => id))
  return [...config.voters, ...config.outgoing, ...config.learners].map(({ id, storage }) => {
    const member = known.get(id)
    const told = member?.digest.ledger
    const supports = told?.storage === storage ? told.supports : undefined
    return {
      name: membership.nameOf(id),
      votes: votes.has(id),
      alive: member?.self === true || member?.state === 'alive',
      supports: id === ledger.id ? LEDGER_VERSION : supports,
    }
  })
}
