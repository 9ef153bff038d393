/** Looks after who votes, wherever the leader is: one look now and then, one step at a time. */
import type { Agent } from '../../agent/agent.ts'
import type { ModuleSpec } from '../../agent/modules/module.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import { read } from '../../protocol/ledger/read.ts'
import type { Timer } from '../../protocol/ports/clock.ts'
import { autopilotLimits } from './limits.ts'
import { type Candidate, nextStep } from './plan.ts'

/** In the ledger's configuration, by node: `never` bars it from voting. */
export const VOTING_KEY = 'voting/'

const LOOK_EVERY_MS = 1_000

export function autopilotModule(agent: Agent): ModuleSpec {
  let timer: Timer | undefined
  return {
    name: 'autopilot',
    priority: 4,
    needs: ['ledger'],
    start: () => {
      timer = agent.ports.clock.every(LOOK_EVERY_MS, () => look(agent))
    },
    stop: () => timer?.cancel(),
  }
}

function look(agent: Agent): void {
  const { ledger } = agent
  if (!ledger.leads) return
  const status = ledger.status()
  if (!status || status.transferTo !== undefined) return
  const step = nextStep(status.config, candidatesOf(agent), status.lastIndex, autopilotLimits)
  if (!step) return
  const log = agent.ports.log.child('autopilot')
  const changed = ledger.reconfigure(step.target, status.configIndex)
  if (changed?.ok) log.info('changing who votes', { why: step.why })
  // Not caught up yet, or another change under way: the next look will see.
  else
    log.debug('who votes stays for now', { why: step.why, refused: changed?.reason ?? 'stopped' })
}

function candidatesOf(agent: Agent): Candidate[] {
  const { ledger } = agent
  const status = ledger.status()
  const matchOf = new Map(status?.peers.map((peer) => [peer.id, peer.match]))
  return agent.membership.members().map(
    ({ id, self, state, stateAgeMs, digest }): Candidate => ({
      id,
      state,
      stateAgeMs: self ? Number.POSITIVE_INFINITY : stateAgeMs,
      storage: self ? ledger.storage : digest.ledger?.storage,
      barred: isBarred(agent, id),
      match: self ? (status?.lastIndex ?? 0) : (matchOf.get(id) ?? 0),
    }),
  )
}

function isBarred(agent: Agent, id: PeerId): boolean {
  const { value } = read(agent.ledger.state, { kind: 'configGet', key: `${VOTING_KEY}${id}` })
  return value?.value === 'never'
}
