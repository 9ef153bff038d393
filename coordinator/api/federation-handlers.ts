/**
 * Learning in rounds, as people ask for it and look at it. What they wish goes into the ledger in their
 * name, and whoever leads does it; what came of it any agent reads there.
 */
import type { Agent } from '../../agent/agent.ts'
import { thresholdsOf } from '../../models/federation/masking/terms.ts'
import { epsilonOf } from '../../models/federation/privacy.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import { compareNames } from '../../protocol/name-order.ts'
import { awaitedIn } from '../learning/rounds/due.ts'
import {
  lastRounds,
  putSettings,
  putWish,
  type Round,
  type Rounds,
  roundsIn,
} from '../learning/rounds/rows.ts'
import { liarsBorne, type RoundSettings } from '../learning/rounds/settings.ts'
import { freshState } from '../runs/fresh.ts'
import { appended } from './appending.ts'
import type { Handlers, Request } from './dispatch.ts'
import { refuseWhileStopped } from './estop-handlers.ts'
import type { FederatedRound, Federation } from './federation-routes.ts'
import { ApiRefusal } from './refusal.ts'
import { SCHEMA_VERSION } from './schemas.ts'

type FederationRoute = 'federation' | 'federatedRounds' | 'askForRounds' | 'configureFederation'

export function federationHandlers(agent: Agent): Pick<Handlers, FederationRoute> {
  return {
    federation: async ({ signal }) => {
      const { state } = await freshState(agent, signal)
      return federationOf(agent, roundsIn(state))
    },
    federatedRounds: async ({ query, signal }) => {
      const { state } = await freshState(agent, signal)
      const rounds = lastRounds(state, query.last).map((round) => roundDocument(agent, round))
      return { schemaVersion: SCHEMA_VERSION, rounds }
    },
    askForRounds: (it) => ask(agent, it),
    configureFederation: (it) => configure(agent, it),
  }
}

async function ask(agent: Agent, it: Request<'askForRounds'>) {
  refuseWhileStopped(agent)
  const { state } = await freshState(agent, it.signal)
  const rounds = roundsIn(state)
  if (awaitedIn(rounds) > 0) {
    const why = `${awaitedIn(rounds)} more rounds are to come already, for ${rounds.wish?.by}`
    throw new ApiRefusal('conflict', why, 'skein federate status shows how far they are')
  }
  const { count } = it.body
  const wish = { count, by: it.caller.name, atMs: laterThan(agent, rounds.wish?.atMs) }
  await appended(agent, putWish(wish), it.signal, it.trail)
  // One that is open was begun before.
  return { schemaVersion: SCHEMA_VERSION, after: rounds.tally.number, count } as const
}

/** A wish is told from the one before by its time, whatever the calendar does. */
function laterThan(agent: Agent, beforeMs = 0): number {
  return Math.max(agent.ports.clock.wall(), beforeMs + 1)
}

async function configure(agent: Agent, it: Request<'configureFederation'>) {
  const { state } = await freshState(agent, it.signal)
  const before = roundsIn(state).settings
  const said = Object.fromEntries(
    Object.entries(it.body).filter(([, value]) => value !== undefined),
  )
  const settings: RoundSettings = { ...before, ...said }
  const atMs = agent.ports.clock.wall()
  await appended(agent, putSettings(settings, it.caller.name, atMs), it.signal, it.trail)
  return { schemaVersion: SCHEMA_VERSION, settings } as const
}

function federationOf(agent: Agent, rounds: Rounds): Federation {
  const { settings, settingsMs, tally, last } = rounds
  const { everyMs } = settings
  const privacy = privacyOf(agent, rounds)
  return {
    schemaVersion: SCHEMA_VERSION,
    settings,
    awaited: awaitedIn(rounds),
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
    name: agent.membership.nameOf(host.id as PeerId) ?? host.id,
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
