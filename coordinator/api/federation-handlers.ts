/**
 * Learning in rounds, as people ask for it and look at it. What they wish goes into the ledger in their
 * name, and whoever leads does it; what came of it any agent reads there.
 */
import type { Agent } from '../../agent/agent.ts'
import { thresholdsOf } from '../../models/federation/masking/terms.ts'
import { epsilonOf } from '../../models/federation/privacy.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import { compareNames } from '../../protocol/name-order.ts'
import { DecodedRounds } from '../learning/rounds/decoded.ts'
import { awaitedIn } from '../learning/rounds/due.ts'
import { roundsLimits } from '../learning/rounds/limits.ts'
import { putSettings, type Round, type Rounds, roundsIn } from '../learning/rounds/rows.ts'
import { liarsBorne, type RoundSettings } from '../learning/rounds/settings.ts'
import { recordOf } from '../learning/rounds/suspicion.ts'
import { isStop, type Wish } from '../learning/rounds/wish.ts'
import { freshState } from '../runs/fresh.ts'
import { appended } from './appending.ts'
import type { Handlers, Request } from './dispatch.ts'
import type { FederatedRound, Federation } from './federation-routes.ts'
import { askForRounds, noisyTrees, stopRounds } from './federation-wishes.ts'
import { SCHEMA_VERSION } from './schemas.ts'

type FederationRoute =
  | 'federation'
  | 'federatedRounds'
  | 'askForRounds'
  | 'stopRounds'
  | 'configureFederation'

export function federationHandlers(agent: Agent): Pick<Handlers, FederationRoute> {
  const decoded = new DecodedRounds()
  return {
    federation: async ({ signal }) => {
      const { state } = await freshState(agent, signal)
      const rounds = decoded.in(state)
      const isAnySuspect = rounds.tally.suspects.length > 0
      const rated = isAnySuspect ? decoded.last(state, roundsLimits.ratedRounds) : []
      return federationOf(agent, rounds, rated)
    },
    federatedRounds: async ({ query, signal }) => {
      const { state } = await freshState(agent, signal)
      const rounds = decoded.last(state, query.last).map((round) => roundDocument(agent, round))
      return { schemaVersion: SCHEMA_VERSION, rounds }
    },
    askForRounds: (it) => askForRounds(agent, it),
    stopRounds: (it) => stopRounds(agent, it),
    configureFederation: (it) => configure(agent, it),
  }
}

async function configure(agent: Agent, it: Request<'configureFederation'>) {
  const { state } = await freshState(agent, it.signal)
  const before = roundsIn(state).settings
  const said = Object.fromEntries(
    Object.entries(it.body).filter(([, value]) => value !== undefined),
  )
  const settings: RoundSettings = { ...before, ...said }
  if (settings.family === 'trees' && settings.noise > 0) throw noisyTrees()
  const atMs = agent.ports.clock.wall()
  await appended(agent, putSettings(settings, it.caller.name, atMs), it.signal, it.trail)
  return { schemaVersion: SCHEMA_VERSION, settings } as const
}

function federationOf(agent: Agent, rounds: Rounds, rated: readonly Round[]): Federation {
  const { settings, settingsMs, tally, last, wish } = rounds
  const { everyMs } = settings
  const privacy = privacyOf(agent, rounds)
  return {
    schemaVersion: SCHEMA_VERSION,
    settings,
    seen: rounds.wishRevision,
    awaited: awaitedIn(rounds),
    ...(wish !== undefined && isStop(wish) ? { stopped: stoppedBy(wish) } : {}),
    suspects: tally.suspects.map((id) => ({ id, name: nameOf(agent, id), ...recordOf(rated, id) })),
    kept: tally.kept,
    ...(everyMs === 0 ? {} : { nextMs: Math.max(settingsMs, tally.openedMs) + everyMs }),
    ...(last === undefined ? {} : { round: roundDocument(agent, last) }),
    ...(privacy === undefined ? {} : { privacy }),
  }
}

/** As if all rounds had had the least noise that one of them had. */
function privacyOf(agent: Agent, { tally, last }: Rounds): Federation['privacy'] {
  const { noisy: rounds, noiseLeast: noise, bare: without } = tally
  if (rounds === 0) return undefined
  const alive = agent.membership.members().filter(({ state }) => state === 'alive').length
  const hosts = Math.max(3, tally.hostsMost ?? 0, last?.hosts.length ?? 0, alive)
  const delta = 1 / (100 * hosts)
  const spent = (multiplier: number) => epsilonOf({ multiplier, share: 1, rounds }, delta)
  const honest = thresholdsOf(hosts).summedMin
  const epsilonLeader = spent(noise / Math.sqrt(honest))
  return { rounds, without, noise, delta, epsilonOthers: spent(noise), epsilonLeader }
}

function roundDocument(agent: Agent, round: Round): FederatedRound {
  const { revision: _, term: __, clip: ___, usualLength: ____, hosts, ...rest } = round
  const named = hosts.map((host) => ({
    ...host,
    name: nameOf(agent, host.id),
  }))
  const most = (of: 'upBytes' | 'downBytes') => Math.max(0, ...hosts.map((host) => host[of]))
  return {
    ...rest,
    liars: round.state === 'open' ? liarsBorne(round.liars, hosts.length) : round.liars,
    upBytesMax: most('upBytes'),
    downBytesMax: most('downBytes'),
    hosts: named.sort((a, b) => compareNames(a.name, b.name)),
  }
}

function stoppedBy({ by, atMs, reason }: Wish): NonNullable<Federation['stopped']> {
  return { by, atMs, ...(reason === undefined ? {} : { reason }) }
}

function nameOf(agent: Agent, id: string): string {
  return agent.membership.nameOf(id as PeerId) ?? id
}
