/** `skein keys ls`: the keys that the mesh rests on, and which hosts hang on each. */
import { exitCodes } from '../../protocol/exit-codes.ts'
import type { RouteResponse } from '../api/routes.ts'
import type { SecretsKey } from '../api/secret-key-routes.ts'
import type { SwarmRotation } from '../api/swarm-key-routes.ts'
import { letInLimits } from '../joining/limits.ts'
import { leftWords } from '../joining/renewal.ts'
import { type Context, document } from './context.ts'
import { ABSENT } from './figures.ts'
import { advice as secretsAdvice, inWords as secretsInWords } from './keys-rotate-secrets.ts'
import { inWords } from './keys-rotate-swarm.ts'
import { plain, table } from './table.ts'

export async function list(context: Context): Promise<number> {
  const answer = await context.client.call('keys')
  const { io } = context
  if (context.json) {
    document(context, answer)
    return exitCodes.done
  }
  const { mesh, root, issuers, byRoot, unseen, swarm, rotation, secrets } = answer
  const columns = [
    { title: 'ISSUING KEY' },
    { title: 'SINCE' },
    { title: 'UNTIL' },
    { title: 'STATE' },
    { title: 'HOSTS', right: true },
    { title: 'PEOPLE', right: true },
    { title: 'CERTIFICATE', cutTo: 8, leave: 1 },
  ]
  const rows = issuers.map(({ id, sinceMs, untilMs, hosts, people, serial, ...key }) => [
    plain(id.slice(-8)),
    day(sinceMs),
    day(untilMs),
    stateOf({ untilMs, ...key }),
    String(hosts.length),
    String(people.length),
    plain(serial),
  ])
  const told = {
    mesh,
    root: root ?? ABSENT,
    'swarm key': swarm ?? ABSENT,
    'key of secrets': secrets?.id ?? ABSENT,
  }
  for (const [what, id] of Object.entries(told)) io.out(`${what.padEnd(14)} ${plain(id)}\n`)
  if (rows.length > 0) io.out(`\n${table(columns, rows, io.columns())}\n`)
  for (const [names, what] of [
    [byRoot, 'certified by the root itself'],
    [unseen, 'not met by this agent since it began'],
  ] as const) {
    if (names.length > 0) io.out(`\n${what}: ${names.map(plain).join(', ')}\n`)
  }
  if (rotation !== undefined) tellRotation(context, rotation)
  if (secrets !== undefined) tellSecrets(context, secrets)
  if (!context.quiet) {
    const lines = [...advice(issuers), ...(secrets === undefined ? [] : secretsAdvice(secrets))]
    for (const line of lines) io.err(`${line}\n`)
  }
  return exitCodes.done
}

type Key = RouteResponse<'keys'>['issuers'][number]

function stateOf({ revoked, retiring, untilMs }: Pick<Key, 'revoked' | 'retiring' | 'untilMs'>) {
  if (revoked) return 'revoked'
  if (Date.now() >= untilMs) return 'expired'
  return retiring ? 'retiring' : 'good'
}

/** Who hangs on what is retiring, by name; and what ends soon, in good time. */
function* advice(issuers: readonly Key[]): Generator<string> {
  for (const { id, hosts, people } of issuers.filter((key) => key.retiring)) {
    const names = [...hosts, ...people].map(plain)
    const who = names.length === 0 ? 'nobody hangs on it' : `on it: ${names.join(', ')}`
    yield `…${plain(id.slice(-8))} is retiring, and ${who}; skein keys rotate issuing --finish`
  }
  const current = issuers.findLast(({ revoked, retiring }) => !revoked && !retiring)
  const leftMs = (current?.untilMs ?? Number.POSITIVE_INFINITY) - Date.now()
  if (leftMs > letInLimits.issuerWarnMs) return
  yield `the issuing key ends ${leftMs <= 0 ? 'now' : `in ${leftWords(leftMs)}`}, and all certificates with it; skein keys rotate issuing`
}

/** One that is over for all is history. */
function tellRotation({ io }: Context, rotation: SwarmRotation): void {
  const { step, hosts, by, madeMs, was } = rotation
  if (step === 'alone' && hosts.every(({ done }) => done)) return
  const since = new Date(madeMs).toISOString()
  const old = `${plain(was)}, which is ${step === 'alone' ? 'taken no more' : 'still taken'}`
  io.out(`\nrotated by ${plain(by)} since ${since}, in the place of ${old}\n`)
  io.out(`${inWords(rotation)}\n\n`)
  const columns = [{ title: 'HOST' }, { title: 'STATE' }, { title: 'NEW SWARM KEY' }]
  const rows = hosts.map(({ name, here, has, older }) => [
    plain(name),
    here ? 'here' : 'away',
    has === 'dialled' && older > 0 ? `${hasInWords[has]}, ${older} to make anew` : hasInWords[has],
  ])
  io.out(`${table(columns, rows, io.columns())}\n`)
}

/** Who can open secrets now, and since when; of one that goes on, how far it is. */
function tellSecrets({ io }: Context, key: SecretsKey): void {
  const { madeMs, by, why, was, holders, former, revoked } = key
  const since =
    madeMs === 0 ? '' : ` since ${new Date(madeMs).toISOString()}, by ${plain(by)}: ${plain(why)}`
  io.out(`\nkey of secrets${since}\n`)
  if (was !== undefined) io.out(`${secretsInWords(key)}\n`)
  for (const [names, what] of [
    [holders, 'hosts that have it'],
    [former, 'hosts that had it, and vote no more'],
    [revoked, 'revoked hosts that had it; another takes its place'],
  ] as const) {
    if (names.length > 0) io.out(`${what}: ${names.map(plain).join(', ')}\n`)
  }
}

const hasInWords: Readonly<Record<SwarmRotation['hosts'][number]['has'], string>> = {
  none: 'not there yet',
  unknown: 'not heard of yet',
  taken: 'is taken',
  dialled: 'is dialled with',
  alone: 'alone is taken',
}

const day = (ms: number): string => new Date(ms).toISOString().slice(0, 'YYYY-MM-DD'.length)
