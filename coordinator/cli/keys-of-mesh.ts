/** `skein keys ls`: the keys that the mesh rests on, and which hosts hang on each. */
import { exitCodes } from '../../protocol/exit-codes.ts'
import type { RouteResponse } from '../api/routes.ts'
import type { SwarmRotation } from '../api/swarm-key-routes.ts'
import { letInLimits } from '../joining/limits.ts'
import { leftWords } from '../joining/renewal.ts'
import { type Context, document } from './context.ts'
import { ABSENT } from './figures.ts'
import { inWords } from './keys-rotate-swarm.ts'
import { plain, table } from './table.ts'

export async function list(context: Context): Promise<number> {
  const answer = await context.client.call('keys')
  const { io } = context
  if (context.json) {
    document(context, answer)
    return exitCodes.done
  }
  const { mesh, root, issuers, byRoot, unseen, swarm, rotation } = answer
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
  const told = { mesh, root: root ?? ABSENT, 'swarm key': swarm ?? ABSENT }
  for (const [what, id] of Object.entries(told)) io.out(`${what.padEnd(10)} ${plain(id)}\n`)
  if (rows.length > 0) io.out(`\n${table(columns, rows, io.columns())}\n`)
  for (const [names, what] of [
    [byRoot, 'certified by the root itself'],
    [unseen, 'not met by this agent since it began'],
  ] as const) {
    if (names.length > 0) io.out(`\n${what}: ${names.map(plain).join(', ')}\n`)
  }
  if (rotation !== undefined) tellRotation(context, rotation)
  if (!context.quiet) for (const line of advice(issuers)) io.err(`${line}\n`)
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

const hasInWords: Readonly<Record<SwarmRotation['hosts'][number]['has'], string>> = {
  none: 'not there yet',
  unknown: 'not heard of yet',
  taken: 'is taken',
  dialled: 'is dialled with',
  alone: 'alone is taken',
}

const day = (ms: number): string => new Date(ms).toISOString().slice(0, 'YYYY-MM-DD'.length)
