/**
 * `skein token`: the text of a token is put together here, of a seed that is made here and what an
 * agent tells; it goes to stdout, once, and nowhere else.
 */
import { randomBytes } from 'node:crypto'
import { exitCodes } from '../../protocol/exit-codes.ts'
import { seedBytes, swarmKeyBytes } from '../../protocol/identity/limits.ts'
import { parseMeshId } from '../../protocol/identity/mesh-id.ts'
import { signerFromSeed } from '../../protocol/identity/peer-id.ts'
import type { PeerRole } from '../../protocol/identity/roles.ts'
import { sealingKeyOf } from '../../protocol/identity/sealing.ts'
import { joinLimits } from '../../protocol/joining/limits.ts'
import { formatJoinToken } from '../../protocol/joining/token.ts'
import { Problem } from '../../protocol/problem.ts'
import { formatDuration, parseDuration } from '../../protocol/units.ts'
import type { RouteResponse } from '../api/routes.ts'
import { aboutSwarmKey } from '../joining/wire.ts'
import { confirm } from './confirm.ts'
import { type Context, document } from './context.ts'
import { ABSENT, age } from './figures.ts'
import { pairs } from './run-flags.ts'
import { plain, table } from './table.ts'
import { wrongUse } from './usage.ts'

type Token = RouteResponse<'tokens'>['tokens'][number]

export interface CreateFlags {
  role: PeerRole
  label?: string[]
  ttl: string
  uses: string
  name?: string
}

/** Of a token's id: enough to name it by. */
const idLettersShown = 8

export async function create(context: Context, flags: CreateFlags): Promise<number> {
  const seed = new Uint8Array(randomBytes(seedBytes))
  const signer = signerFromSeed(seed)
  const sealing = sealingKeyOf(signer)
  const { role, name } = flags
  const body = {
    key: signer.id,
    sealing: Buffer.from(sealing.publicKey).toString('base64url'),
    labels: pairs('--label', flags.label),
    ...(name === undefined ? {} : { name }),
    uses: Number(flags.uses),
    ttlMs: ttlFrom(flags.ttl),
  }
  const route = role === 'agent' ? 'createToken' : 'createCoordinatorToken'
  const made = await context.client.call(route, { body })
  const sealed = new Uint8Array(Buffer.from(made.swarmKey, 'base64url'))
  const swarmKey = sealing.open(sealed, aboutSwarmKey)
  const mesh = parseMeshId(made.mesh)
  if (mesh === undefined || swarmKey?.length !== swarmKeyBytes) throw notUnderstood()
  const { token, addresses, schemaVersion } = made
  const { expiresMs } = token
  const text = formatJoinToken({ mesh, seed, swarmKey, expiresMs, addresses })
  if (context.json) document(context, { schemaVersion, token, text })
  else {
    context.io.out(`${text}\n`)
    if (!context.quiet) context.io.err(`${whatItDoes(token)}\n${whatNext(token, addresses)}\n`)
  }
  return exitCodes.done
}

export async function list(context: Context): Promise<number> {
  const answer = await context.client.call('tokens')
  const { tokens } = answer
  const { io } = context
  if (context.json) document(context, answer)
  else if (tokens.length > 0) {
    const columns = [
      { title: 'ID' },
      { title: 'ROLE' },
      { title: 'LEFT', right: true },
      { title: 'STATE' },
      { title: 'UNTIL' },
      { title: 'BY', cutTo: 8, leave: 3 },
      { title: 'LABELS', cutTo: 8, leave: 2 },
      { title: 'HOSTS', cutTo: 8, leave: 1 },
    ]
    io.out(`${table(columns, tokens.map(rowOf), io.columns())}\n`)
  } else if (!context.quiet) io.err('there are none; skein token create makes one\n')
  return tokens.length > 0 ? exitCodes.done : exitCodes.notFound
}

export async function revoke(context: Context, id: string): Promise<number> {
  await confirm(context, `token ${plain(id)} lets nobody in any more`)
  const answer = await context.client.call('revokeToken', { parameters: { token: id } })
  const { token } = answer
  if (context.json) document(context, answer)
  else if (!context.quiet) {
    context.io.err(`token ${shortId(token)} lets nobody in any more${stillIn(token)}\n`)
  }
  return exitCodes.done
}

function rowOf(token: Token): string[] {
  const labels = Object.entries(token.labels).map(([key, value]) => `${key}=${value}`)
  return [
    shortId(token),
    token.role,
    `${token.usesLeft}/${token.uses}`,
    token.state,
    `${new Date(token.expiresMs).toISOString().slice(0, 'YYYY-MM-DDTHH:MM'.length)}Z`,
    plain(token.by),
    plain(labels.join(' ')) || ABSENT,
    plain(token.hosts.map(({ name }) => name).join(' ')) || ABSENT,
  ]
}

function shortId({ id }: Token): string {
  return plain(id.slice(0, idLettersShown))
}

function whatItDoes(token: Token): string {
  const hosts = token.uses === 1 ? 'one host' : `${token.uses} hosts`
  const left = age(token.expiresMs - token.atMs)
  return `token ${shortId(token)} lets in ${hosts} as ${token.role} for ${left}; whoever has the text may use it, and it is not shown again`
}

function whatNext({ id }: Token, addresses: readonly string[]): string {
  const onLoopback = addresses.every((address) => /^\/ip4\/127\.|^\/ip6\/::1\//.test(address))
  const reach = onLoopback
    ? '\nthe agents of this mesh listen on loopback only: nobody can join from another host'
    : ''
  return `on the other host: skein agent join TOKEN (or -, to read it from stdin); to take it back: skein token revoke ${id.slice(0, idLettersShown)}${reach}`
}

function stillIn({ hosts }: Token): string {
  if (hosts.length === 0) return ''
  const names = hosts.map(({ name, serial }) => `${plain(name)} (${plain(serial)})`).join(', ')
  return `; it has let in ${names}, which skein users revoke SERIAL turns away`
}

function ttlFrom(text: string): number {
  const { ttlMsMin, ttlMsMax } = joinLimits
  const read = parseDuration(text)
  if (!read.ok) throw wrongUse(`--ttl: ${read.why}`, 'write 30m, 1h or 7d')
  if (read.value >= ttlMsMin && read.value <= ttlMsMax) return read.value
  const range = `${formatDuration(ttlMsMin)} to ${formatDuration(ttlMsMax)}`
  throw wrongUse(`--ttl is ${text}, and it can be ${range}`, 'choose a time in between')
}

function notUnderstood(): Problem {
  return new Problem({
    code: 'answerUnusable',
    why: 'the agent answered with something of which no token can be made',
    fix: 'revoke the newest of skein token ls, and compare the versions of the two (skein --version)',
    exitCode: exitCodes.failed,
  })
}
