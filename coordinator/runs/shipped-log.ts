/** Finds what a host that cannot be asked had sent to others of a log of its own. */
import type { Agent } from '../../agent/agent.ts'
import { rankedKeepers } from '../../agent/work/logs/copy-keepers.ts'
import { ApiRefusal } from '../api/refusal.ts'
import type { AttemptLog } from '../api/run-schemas.ts'
import { runLimits } from './limits.ts'
import type { LogSources, PieceAsked } from './logs.ts'

/** The newest, of those that some host has. */
export async function shippedLog(
  { membership }: Pick<Agent, 'membership'>,
  piece: LogSources['piece'],
  host: string,
  asked: PieceAsked,
): Promise<AttemptLog | undefined> {
  const alive = membership
    .members()
    .filter(({ id, state }) => state === 'alive' && id !== host)
    .map(({ id }) => id)
  const keepers = rankedKeepers(asked, alive).slice(0, runLimits.copiesAskedMax)
  const found = await Promise.all(
    keepers.map((keeper) => copyOf(() => piece(keeper, { ...asked, copyOf: host }))),
  )
  return found.reduce<AttemptLog | undefined>((newest, one) => {
    if (one?.known !== true) return newest
    return (one.shippedUntilMs ?? 0) > (newest?.shippedUntilMs ?? -1) ? one : newest
  }, undefined)
}

/** Another may have it. */
async function copyOf(ask: () => Promise<AttemptLog>): Promise<AttemptLog | undefined> {
  try {
    return await ask()
  } catch (error) {
    if (error instanceof ApiRefusal) return undefined
    throw error
  }
}
