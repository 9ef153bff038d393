/**
 * What is set for all hosts: shown, changed, and gone back to. A change is one entry of the ledger with
 * the record of who made it; it is answered when every host that is there goes by it, or has been waited
 * for long enough.
 */
import { appliesOf, meshKeys } from '../../agent/config/mesh.ts'
import type { ConfigProblem } from '../../agent/config/problem.ts'
import { nearest } from '../../protocol/nearest.ts'
import { type Changed as Change, changed, difference } from '../config/changing.ts'
import { configLimits } from '../config/limits.ts'
import { currentIn, putVersion, type Version, versionIn, versionsIn } from '../config/rows.ts'
import { freshState } from '../runs/fresh.ts'
import { applied } from './appending.ts'
import { type ConfigParts, hostsOn, ownConfig } from './config-hosts.ts'
import type { Changed, ConfigVersion, MeshConfig } from './config-routes.ts'
import type { Handlers, Request } from './dispatch.ts'
import { Mistaken } from './errors.ts'
import { mistakesMax } from './limits.ts'
import { OF_ITSELF } from './other-nodes.ts'
import { ApiRefusal } from './refusal.ts'
import { SCHEMA_VERSION } from './schemas.ts'

type ConfigRoute = 'meshConfig' | 'nodeConfig' | 'configVersions' | 'setConfig' | 'rollBackConfig'
type Acting = Request<'setConfig'> | Request<'rollBackConfig'>
type Next = Extract<Change, { kind: 'changed' }>['version'] & Pick<Version, 'rolledBackTo'>

const look = 'skein config history shows what there is'

export function configHandlers(parts: ConfigParts): Pick<Handlers, ConfigRoute> {
  const { agent, others } = parts
  return {
    meshConfig: async ({ signal }) => {
      const { state } = await freshState(agent, signal)
      const now = currentIn(state)?.version
      return meshDocument(now, await hostsOn(parts, now, 0, signal))
    },
    nodeConfig: ({ parameters, query: { version }, signal }) => {
      const node = others.find(parameters.node)
      if (node.self) return ownConfig(parts, version, configLimits.inForceMs, signal)
      return others.ask(node, 'nodeConfig', { ...OF_ITSELF, query: { version } }, signal)
    },
    configVersions: async ({ query, signal }) => {
      const { state } = await freshState(agent, signal)
      const versions = versionsIn(state, query.last).map(versionDocument)
      return { schemaVersion: SCHEMA_VERSION, versions }
    },
    setConfig: (it) => change(parts, it, ({ values }) => changeOf(values, it)),
    rollBackConfig: (it) => change(parts, it, (now) => wayBack(parts, now, it)),
  }
}

/** Undefined where it is so already. */
type NextOf = (now: Pick<Version, 'number' | 'values'>) => Next | undefined

async function change(parts: ConfigParts, it: Acting, nextOf: NextOf): Promise<Changed> {
  const { agent } = parts
  const { clock } = agent.ports
  const startedMs = clock.now()
  const written = await write(parts, it, nextOf)
  const { version, next } = written
  const hosts = await hostsOn(parts, version, configLimits.inForceMs, it.signal)
  return {
    schemaVersion: SCHEMA_VERSION,
    version: version?.number ?? 0,
    changed: next !== undefined,
    set: next?.set ?? [],
    unset: next?.unset ?? [],
    tookMs: clock.now() - startedMs,
    hosts,
  }
}

/** Made again of what there is by then, where somebody else was first. */
async function write(
  { agent }: ConfigParts,
  { body: { basedOn, reason }, caller, signal, trail }: Acting,
  nextOf: NextOf,
): Promise<{ version: Version | undefined; next: Next | undefined }> {
  for (let round = 0; round < configLimits.setRoundsMax; round++) {
    const { state, fresh } = await freshState(agent, signal)
    if (!fresh) {
      const why = 'nobody vouches here for what is set now'
      throw new ApiRefusal(
        'unreachable',
        why,
        'skein health says who is missing; nothing was changed',
      )
    }
    const { version: now, revision } = currentIn(state) ?? { version: undefined, revision: 0 }
    const number = now?.number ?? 0
    if (basedOn !== undefined && basedOn !== number) throw overtaken(now, basedOn)
    const next = nextOf({ number, values: now?.values ?? {} })
    if (next === undefined) return { version: now, next }
    const version: Version = {
      ...next,
      number: number + 1,
      by: caller.name,
      atMs: agent.ports.clock.wall(),
      ...(reason === undefined ? {} : { reason }),
    }
    const { code } = await applied(agent, putVersion(version, revision), signal, trail)
    if (code === 'ok') return { version, next }
    if (code !== 'conflict') {
      throw new ApiRefusal('conflict', `the ledger answered ${code}`, 'look at it, and try again')
    }
  }
  throw new ApiRefusal('conflict', 'others change it at the same time', 'try again in a moment')
}

function overtaken(now: Version | undefined, basedOn: number): ApiRefusal {
  const there =
    now === undefined ? 'nothing was ever set' : `${now.by} has made version ${now.number}`
  const why = `it is based on version ${basedOn}, and ${there}; nothing was changed`
  return new ApiRefusal('conflict', why, `${look}; then change what there is now`)
}

function changeOf(values: Version['values'], { body }: Request<'setConfig'>): Next | undefined {
  if (Object.keys(body.set).length + body.unset.length === 0) {
    throw new ApiRefusal('badRequest', 'nothing is to be set or unset', 'name a key')
  }
  const what = changed(values, body)
  if (what.kind === 'mistaken') throw mistaken(what.problems)
  return what.kind === 'same' ? undefined : what.version
}

function mistaken(problems: readonly ConfigProblem[]): Mistaken {
  const told = problems.slice(0, mistakesMax)
  // The place is said before each.
  const mistakes = told.map(({ where, why, fix }) => {
    const what = why.startsWith(`${where}: `) ? why.slice(where.length + 2) : why
    return { where, why: `${what}; ${fix}` }
  })
  const count = problems.length === 1 ? 'a mistake' : `${problems.length} mistakes`
  return new Mistaken(`nothing was changed, for ${count}`, 'mend all, and try again', mistakes)
}

function wayBack(
  { agent }: ConfigParts,
  now: Pick<Version, 'number' | 'values'>,
  { body: { version } }: Request<'rollBackConfig'>,
): Next | undefined {
  const { state } = agent.ledger
  const then = versionIn(state, version)
  if (then === undefined) {
    const kept = versionsIn(state, configLimits.versionsMax).map(({ number }) => String(number))
    const meant = nearest(String(version), kept)
    const fix = meant === undefined ? look : `${look}; did you mean ${meant}?`
    throw new ApiRefusal('notFound', `there is no version ${version}, or not any more`, fix)
  }
  const { values } = then
  const what = difference(now.values, values)
  if (what.set.length + what.unset.length === 0) return undefined
  return { values, ...what, rolledBackTo: version }
}

function meshDocument(now: Version | undefined, hosts: MeshConfig['hosts']): MeshConfig {
  const { number = 0, values = {}, by, atMs, reason } = now ?? {}
  const known = meshKeys.map((named) => {
    const { name, key } = named
    const isSet = Object.hasOwn(values, name)
    const applies = appliesOf(named)
    return {
      key: name,
      value: values[name] ?? String(key.default),
      isSet,
      ...(applies === undefined ? {} : { applies }),
      about: key.about,
    }
  })
  const unknown = Object.entries(values)
    .filter(([name]) => !meshKeys.some((named) => named.name === name))
    .map(([key, value]) => ({ key, value, isSet: true }))
  return {
    schemaVersion: SCHEMA_VERSION,
    version: number,
    ...(by === undefined || atMs === undefined ? {} : { by, atMs }),
    ...(reason === undefined ? {} : { reason }),
    keys: [...known, ...unknown],
    hosts,
  }
}

function versionDocument({ values, set, unset, ...rest }: Version): ConfigVersion {
  return { ...rest, values: { ...values }, set: [...set], unset: [...unset] }
}
