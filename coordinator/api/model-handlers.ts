/**
 * Versions of the common model, as people look at them; and taking one back. What a person wishes goes
 * into the ledger in their name, and whoever leads does it. How versions do is asked of hosts.
 */
import type { Agent } from '../../agent/agent.ts'
import type { HostAdvice } from '../../agent/learning/advice-wire.ts'
import { featureGroups } from '../../models/federation/describing.ts'
import { commonLength, commonShape } from '../../models/registry/common.ts'
import { together } from '../../models/registry/standing.ts'
import {
  familyOf,
  headOf,
  type RegistryView,
  registryIn,
  type Version,
} from '../../models/registry/versions.ts'
import { levels } from '../../models/rows.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import { compareNames } from '../../protocol/name-order.ts'
import { putRollbackWish, type RollbackWish, rollbackWishIn } from '../learning/wishes.ts'
import { freshState } from '../runs/fresh.ts'
import type { WorkflowLibrary } from '../runs/library.ts'
import { appended } from './appending.ts'
import type { Handlers, Request } from './dispatch.ts'
import { ApiRefusal } from './refusal.ts'
import type { RouteResponse } from './routes.ts'
import { SCHEMA_VERSION } from './schemas.ts'
import { stageMeant } from './stage-meant.ts'

type ModelRoute = 'models' | 'model' | 'explainWork' | 'rollBackModel'
type Live = ReadonlyMap<string, readonly (HostAdvice['standings'][number] & { id: string })[]>

/** A leader looks once a second, and writes once more. */
const rollbackMs = 6_000
const lookMs = 100

export function modelHandlers(agent: Agent, library: WorkflowLibrary): Pick<Handlers, ModelRoute> {
  return {
    models: async ({ signal }) => {
      const view = registryIn((await freshState(agent, signal)).state)
      const live = await liveOf(agent, view)
      const versions = view.versions.map((version) => documentOf(version, view, live))
      return { schemaVersion: SCHEMA_VERSION, versions }
    },
    model: async ({ parameters, signal }) => {
      const view = registryIn((await freshState(agent, signal)).state)
      const version = versionMeant(view, parameters.version)
      return detailOf(agent, version, view, await liveOf(agent, view))
    },
    explainWork: (it) => explain(agent, library, it),
    rollBackModel: (it) => rollBack(agent, it),
  }
}

function versionMeant(view: RegistryView, meant: string): Version {
  const { versions, active, canary, shadow } = view
  if (versions.length === 0) {
    const fix = 'skein federate round has hosts learn together, and makes the first one'
    throw new ApiRefusal('notFound', 'no version of a model was made yet', fix)
  }
  if (meant === 'duration') return active ?? canary ?? shadow ?? (versions[0] as Version)
  const found = versions.filter(({ hash }) => hash.startsWith(meant))
  const [only] = found
  if (only !== undefined && found.length === 1) return only
  const fix = 'skein model ls shows all of them'
  if (only === undefined) throw new ApiRefusal('notFound', `no version is called ${meant}`, fix)
  throw new ApiRefusal('ambiguous', `${found.length} versions begin with ${meant}`, fix)
}

/** By version, what hosts say of it now; nobody is asked where nothing is judged. */
async function liveOf(agent: Agent, { active, canary, shadow }: RegistryView): Promise<Live> {
  if (active === undefined && canary === undefined && shadow === undefined) return new Map()
  const hosts = await agent.learning.advising.gathered()
  const all = hosts.flatMap(({ id, standings }) => standings.map((one) => ({ ...one, id })))
  return Map.groupBy(all, ({ hash }) => hash)
}

function documentOf(
  { revision: _, parents, ...version }: Version,
  view: RegistryView,
  live: Live,
): RouteResponse<'models'>['versions'][number] {
  const told = (live.get(version.hash) ?? []).filter(({ n }) => n > 0)
  const family = familyOf(version)
  return {
    ...version,
    family,
    parents: [...parents],
    head: headOf(view, family) === version.hash,
    ...(told.length === 0 ? {} : { live: { ...together(told), hosts: told.length } }),
  }
}

async function detailOf(
  agent: Agent,
  version: Version,
  view: RegistryView,
  live: Live,
): Promise<RouteResponse<'model'>> {
  const told = (live.get(version.hash) ?? []).filter(({ n }) => n > 0)
  const hosts = told.map(({ hash: _, ...one }) => ({ ...one, name: nameOf(agent, one.id) }))
  return {
    schemaVersion: SCHEMA_VERSION,
    version: documentOf(version, view, live),
    features: featureGroups.map(({ name, length }) => ({ name, numbers: length })),
    ...(familyOf(version) === 'net' ? ofNet : await ofTrees(agent, version)),
    hosts: hosts.sort((a, b) => compareNames(a.name, b.name)),
  }
}

const ofNet = { hidden: [...commonShape.hidden], numbers: commonLength }

/** As far as it is here. */
async function ofTrees({ learning }: Agent, { hash }: Version) {
  const learned = await learning.models.learned(hash)
  if (learned?.family !== 'trees') return { hidden: [] }
  const { trees } = learned
  const leaves = trees.reduce((sum, tree) => sum + tree.leaves.size, 0)
  return { hidden: [], numbers: levels.length * leaves, trees: trees.length }
}

async function explain(
  agent: Agent,
  library: WorkflowLibrary,
  { query, signal }: Request<'explainWork'>,
): Promise<RouteResponse<'explainWork'>> {
  const { state } = await freshState(agent, signal)
  const kind = stageMeant(state, library, query.stage, query.workflow)
  const told = await agent.learning.advising.gathered(kind)
  const hosts = told.map((host) => explainedBy(agent, host))
  const silent = silentBeside(agent, told)
  return {
    schemaVersion: SCHEMA_VERSION,
    stage: query.stage,
    workflow: kind.group,
    task: kind.task,
    hosts: hosts.sort((a, b) => compareNames(a.name, b.name)),
    ...(silent.length === 0 ? {} : { silent }),
  }
}

/** Names of those that are alive and have not answered in time. */
function silentBeside(agent: Agent, told: readonly HostAdvice[]): string[] {
  const heard = new Set<string>(told.map(({ id }) => id))
  const members = agent.membership.members().filter(({ state }) => state === 'alive')
  const silent = members.filter(({ id }) => !heard.has(id))
  return silent.map(({ id }) => nameOf(agent, id)).sort(compareNames)
}

type HostExplained = RouteResponse<'explainWork'>['hosts'][number]

function explainedBy(agent: Agent, { id, plain: history, explained }: HostAdvice): HostExplained {
  const named = { id, name: nameOf(agent, id) }
  const own = history === undefined ? {} : { history }
  if (explained === undefined) {
    return { ...named, ...own, says: history === undefined ? 'nothing' : 'history' }
  }
  const { version, isProven, bare, corrected, factors } = explained
  const says = isProven || history === undefined ? 'model' : 'history'
  return { ...named, ...own, says, version, proven: isProven, bare, corrected, factors }
}

async function rollBack(
  agent: Agent,
  { body, caller, signal, trail }: Request<'rollBackModel'>,
): Promise<RouteResponse<'rollBackModel'>> {
  const { state } = await freshState(agent, signal)
  const view = registryIn(state)
  const { active } = view
  if (active === undefined && body.to === undefined) {
    const why = 'no version is active: hosts speak by their own histories'
    throw new ApiRefusal('conflict', why, 'name the version that is to be: skein model ls')
  }
  const was = active?.hash ?? ''
  const { of } = body
  if (of !== undefined && of !== was) {
    return { schemaVersion: SCHEMA_VERSION, ...takenBack(view, of, caller.name), done: true }
  }
  const to = body.to === undefined ? undefined : versionMeant(view, body.to)
  if (to !== undefined && to.hash === was) {
    throw new ApiRefusal('conflict', 'that version is active already', 'name another one')
  }
  if (to !== undefined) await assertThere(agent, to)
  if (trail !== undefined)
    trail.note = { ...trail.note, object: (was || (to?.hash ?? '')).slice(0, 12) }
  const wish = {
    of: was,
    by: caller.name,
    reason: body.reason,
    atMs: agent.ports.clock.wall(),
    ...(to === undefined ? {} : { to: to.hash }),
  }
  const standing = rollbackWishIn(state)
  if (standing === undefined) await appended(agent, putRollbackWish(wish, 0), signal, trail)
  else assertSame(standing, wish)
  const done = await granted(agent, was, signal)
  const now = registryIn(agent.ledger.state).active?.hash
  const rest = done && now !== undefined ? { active: now } : {}
  const before = was === '' ? {} : { was }
  return { schemaVersion: SCHEMA_VERSION, ...before, done, ...rest }
}

/** Of a version that was asked to be taken back, and is active no more: it was done, or another is meant. */
function takenBack(view: RegistryView, of: string, by: string): { was: string; active?: string } {
  const version = view.versions.find(({ hash }) => hash === of)
  if (version?.state !== 'rolledBack' || !version.why.startsWith(`${by}: `)) {
    const why = 'another version is active by now'
    throw new ApiRefusal('conflict', why, 'look at skein model ls, and ask again')
  }
  return { was: of, ...(view.active === undefined ? {} : { active: view.active.hash }) }
}

/** Said again for an answer that was lost, it is waited for; what another wishes stands. */
function assertSame(standing: RollbackWish, wish: Pick<RollbackWish, 'by' | 'of' | 'to'>): void {
  const { by, of, to } = standing
  if (by === wish.by && of === wish.of && to === wish.to) return
  const why = `${by} wishes already that a version is taken back, and whoever leads has yet to do it`
  throw new ApiRefusal('conflict', why, 'look at skein model ls, and ask again')
}

/** Old versions are let go of in the end, and one that nobody has would leave all hosts without a word. */
async function assertThere(
  { learning: { models }, membership }: Agent,
  { hash }: Version,
): Promise<void> {
  const others = membership.members().filter(({ self, state }) => !self && state === 'alive')
  const fetched = await models.fetch(
    hash,
    others.map(({ id }) => id),
  )
  if (fetched.ok) return
  const why = `no host that was asked has version ${hash.slice(0, 12)} any more: ${fetched.why}`
  throw new ApiRefusal('conflict', why, 'name a later one; without a name it is the one before')
}

/** When whoever leads has done it; false where nobody did in time. */
async function granted(agent: Agent, was: string, signal: AbortSignal): Promise<boolean> {
  const { clock } = agent.ports
  const untilMs = clock.now() + rollbackMs
  while (clock.now() < untilMs && !signal.aborted) {
    const { state } = agent.ledger
    if ((registryIn(state).active?.hash ?? '') !== was) return true
    if (rollbackWishIn(state) === undefined) {
      const why = 'whoever leads could not do it: the versions have changed meanwhile'
      throw new ApiRefusal('conflict', why, 'look at skein model ls, and ask again')
    }
    await new Promise<void>((resolve) => clock.after(lookMs, resolve))
  }
  return false
}

function nameOf(agent: Agent, id: string): string {
  return agent.membership.nameOf(id as PeerId) ?? id
}
