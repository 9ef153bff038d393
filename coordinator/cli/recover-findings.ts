/** What there is to know before a recovery: from stopped disks, and from agents that still run. */
import { type Aside, asidesOn, asideView } from '../../agent/consensus/aside.ts'
import {
  type Found,
  type LiveReport,
  planRecovery,
  type RecoveryPlan,
} from '../../agent/recovery/plan.ts'
import { rebuild } from '../../agent/recovery/state.ts'
import { type Survey, survey } from '../../agent/recovery/survey.ts'
import { exitCodes } from '../../protocol/exit-codes.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import type { LedgerState } from '../../protocol/ledger/state.ts'
import { Problem } from '../../protocol/problem.ts'
import type { Status } from '../api/schemas.ts'
import { Client } from './client.ts'
import type { Context } from './context.ts'
import type { Place } from './recover-places.ts'
import { plain } from './table.ts'
import { withScheme } from './where.ts'

const ID_TAIL_LENGTH = 8

export interface Survivor extends Found {
  readonly place: Place
  readonly copies: readonly Aside[]
  /** What its log makes, to its end; undefined when it makes none. */
  readonly state: LedgerState | undefined
}

export interface Live extends LiveReport {
  readonly name: string
  readonly address: string
}

export interface Findings {
  readonly plan: RecoveryPlan
  readonly survivors: readonly Survivor[]
  readonly live: readonly Live[]
  /** Addresses that were asked in vain. */
  readonly silent: readonly string[]
  nameOf(id: PeerId): string
}

export async function findings(
  context: Context,
  places: readonly Place[],
  ask: readonly string[],
  copy: string | undefined,
): Promise<Findings> {
  const survivors: Survivor[] = []
  const empty: Place[] = []
  for (const place of places) {
    const survivor = await survivorAt(place, copy)
    if (survivor) survivors.push(survivor)
    else empty.push(place)
  }
  const names = new Map<string, string>()
  const live: Live[] = []
  const silent: string[] = []
  for (const address of ask) {
    const status = await statusAt(context, address)
    if (status) live.push(reportOf(status, address, names))
    else silent.push(address)
  }
  const plan = planRecovery(survivors, live)
  if (!plan) throw noLedger(empty, await copiesAt(empty))
  const nameOf = (id: PeerId) => names.get(id) ?? `…${id.slice(-ID_TAIL_LENGTH)}`
  return { plan, survivors, live, silent, nameOf }
}

async function survivorAt(place: Place, copy: string | undefined): Promise<Survivor | undefined> {
  const { disk } = place.directory
  const copies = await asidesOn(disk)
  if (copy !== undefined && !copies.some(({ name }) => name === copy))
    throw noSuchCopy(place, copy, copies)
  const view = copy === undefined ? disk : asideView(disk, copy)
  const found: Survey | undefined = await survey(view, place.id)
  if (!found) return undefined
  const rebuilt = await rebuild(view, found.held)
  const now = copy === undefined ? found : await survey(disk, place.id)
  const terms = [found.term, now?.term ?? 0, ...copies.map(({ lastTerm }) => lastTerm)]
  return {
    isCopy: copy !== undefined,
    termSeen: Math.max(...terms),
    place,
    copies,
    survey: found,
    unusable: rebuilt.ok ? undefined : rebuilt.why,
    state: rebuilt.ok ? rebuilt.state : undefined,
  }
}

/** Undefined when nobody answers: whoever is lost does not. */
async function statusAt(context: Context, address: string): Promise<Status | undefined> {
  try {
    const url = withScheme(address)
    return await new Client(url, context.client.signIn, context.interrupted).call('status')
  } catch (error) {
    if (error instanceof Problem && error.exitCode === exitCodes.noAnswer) return undefined
    throw error
  }
}

function reportOf(status: Status, address: string, names: Map<string, string>): Live {
  const { agent, ledger, nodes } = status
  for (const { id, name } of nodes) names.set(id, plain(name))
  const own = nodes.find(({ id }) => id === agent.id)?.ledger?.part
  const votes = own === 'leader' || own === 'voter'
  return {
    id: agent.id as PeerId,
    name: plain(agent.name),
    address,
    part: votes ? 'voter' : own === 'learner' ? 'learner' : 'stranger',
    last: { index: ledger?.lastIndex ?? 0, term: ledger?.lastTerm ?? 0 },
    term: ledger?.term ?? 0,
    hasQuorum: ledger?.leader !== undefined && ledger.reachable >= ledger.needed,
  }
}

async function copiesAt(places: readonly Place[]): Promise<Aside[]> {
  return (await Promise.all(places.map(({ directory }) => asidesOn(directory.disk)))).flat()
}

function noLedger(places: readonly Place[], copies: readonly Aside[]): Problem {
  const where = places.map(({ path }) => path).join(' and ')
  const names = copies.map(({ name }) => name).join(', ')
  return new Problem({
    code: 'noLedger',
    why: `there is no ledger in ${where}`,
    fix:
      names === ''
        ? 'name the data directory of a host that held one'
        : `look at a copy that was set aside there: --copy with one of ${names}`,
    exitCode: exitCodes.notFound,
  })
}

function noSuchCopy({ path }: Place, copy: string, copies: readonly Aside[]): Problem {
  const names = copies.map(({ name }) => name).join(', ')
  return new Problem({
    code: 'noCopy',
    why: `${path} keeps no copy ${JSON.stringify(copy)}`,
    fix: names === '' ? 'leave --copy out: there is none at all' : `name one of ${names}`,
    exitCode: exitCodes.notFound,
  })
}
