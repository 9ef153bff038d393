/**
 * `skein estop`, `skein estop status` and `skein resume`: a word is signed here, handed to an agent,
 * and followed until every node that lives has answered for it.
 */
import { randomBytes } from 'node:crypto'
import { estopLimits } from '../../protocol/estop/limits.ts'
import { type StopMode, type StopScope, scopeText } from '../../protocol/estop/scope.ts'
import {
  type Release,
  type StopSaying,
  StopWord,
  sayingIn,
  sayWord,
  slowHandOf,
} from '../../protocol/estop/word.ts'
import { exitCodes } from '../../protocol/exit-codes.ts'
import { Problem } from '../../protocol/problem.ts'
import { encode } from '../../protocol/wire/codec.ts'
import type { RouteResponse } from '../api/routes.ts'
import { confirm } from './confirm.ts'
import { type Context, document, sleep } from './context.ts'
import { inWords, reasonIn, type ScopeFlags, scopeIn } from './estop-meant.ts'
import { isAwaited, nodesTable, tell } from './estop-told.ts'
import { paint } from './io.ts'
import { STOP_DEADLINE_MS } from './limits.ts'
import { plain } from './table.ts'

export interface StopFlags extends ScopeFlags {
  mode: StopMode
  reason?: string
  timeout: string
  /** To the peers themselves, past every control API. */
  direct?: boolean
  peer?: string[]
  swarmKey?: string
}

type State = RouteResponse<'estop'>

/** How often it is looked who has answered. */
const LOOK_MS = 50

export async function estop(context: Context, flags: StopFlags): Promise<number> {
  const scope = scopeIn(flags)
  const reason = reasonIn(flags)
  const directly = async (insteadOf?: Problem): Promise<number> => {
    const { estopDirectly } = await import('./estop-direct.ts')
    return estopDirectly(context, { ...flags, scope, reason, insteadOf })
  }
  if (flags.direct === true) return directly()
  const meant = { scope, reason }
  return estopByGateway(context, flags, meant, STOP_DEADLINE_MS).catch(async (error: unknown) => {
    // The agent that is asked may be what has gone wrong.
    const isSilent = error instanceof Problem && error.exitCode === exitCodes.noAnswer
    if (!isSilent || context.interrupted.aborted) throw error
    return directly(error).catch((second: unknown) => {
      // There is no other way than that agent: it is waited for as long as it is in other things.
      if (!(second instanceof Problem) || second.code !== error.code) throw second
      return estopByGateway(context, flags, meant).catch((last: unknown) => {
        throw last instanceof Problem && last.code === second.code ? second : last
      })
    })
  })
}

async function estopByGateway(
  context: Context,
  flags: StopFlags,
  { scope, reason }: { scope: StopScope; reason: string },
  deadlineMs?: number,
): Promise<number> {
  if (!context.yes) await confirm(context, await touched(context, scope, flags.mode, deadlineMs))
  const query = { scope: scopeText(scope) }
  const { next } = await context.client.call('estop', { query }, deadlineMs)
  const { mode } = flags
  const saying: StopSaying = {
    act: 'raise',
    mode,
    epoch: next.epoch,
    scope,
    ...(await said(context, reason)),
  }
  return follow(context, await hand(context, sayWord(saying)), flags)
}

export async function resume(
  context: Context,
  flags: Omit<StopFlags, 'mode'> & { epoch?: string },
): Promise<number> {
  const scope = scopeIn(flags)
  const reason = reasonIn(flags)
  const state = await context.client.call('estop', { query: { scope: scopeText(scope) } })
  const stops = state.inForce.filter((stop) => stop.scope === scopeText(scope))
  if (stops.length === 0) throw nothingInForce(scope, state)
  if (flags.epoch !== undefined && !stops.some(({ epoch }) => String(epoch) === flags.epoch)) {
    throw nothingInForce(scope, state, flags.epoch)
  }
  const whats = stops.map(({ epoch, by, reason }) => `#${epoch} by ${plain(by)} (${plain(reason)})`)
  const touches = `the emergency stop of ${inWords(scope)} is released: ${whats.join(', ')}. It starts nothing`
  await confirm(context, touches)
  const { epoch, covers, floor } = state.next
  const fresh: Release = {
    act: 'release',
    epoch,
    covers,
    floor,
    scope,
    ...(await said(context, reason)),
  }
  const body = sameRelease(state, fresh) ?? sayWord(fresh)
  return follow(context, await hand(context, body), flags)
}

export async function estopStatus(context: Context): Promise<number> {
  const all = await context.client.call('estop')
  const words = await Promise.all(
    all.inForce.map(async ({ word }) => {
      const { nodes } = await context.client.call('estop', { query: { word } })
      return { word, nodes }
    }),
  )
  if (context.json) document(context, { ...all, words })
  else if (all.inForce.length === 0) context.io.out('no emergency stop is in force\n')
  for (const [i, stop] of context.json ? [] : all.inForce.entries()) {
    const { scope, epoch, mode, by, reason, issuedAtMs } = stop
    const since = new Date(issuedAtMs).toISOString()
    const head = `${plain(scope)} #${epoch} (${mode}) since ${since} by ${plain(by)}: ${plain(reason)}`
    context.io.out(`${paint(context.io, 'red', head)}\n`)
    context.io.out(`${nodesTable(context, words[i]?.nodes ?? [])}\n`)
  }
  return all.inForce.length === 0 ? exitCodes.done : exitCodes.emergencyStop
}

// ── Saying ──────────────────────────────────────────────────────────────────────────────────────

async function said({ client }: Context, reason: string) {
  const { holder } = await client.signIn.key()
  const nonce = new Uint8Array(randomBytes(estopLimits.nonceBytes))
  const fitting = Buffer.from(reason).subarray(0, estopLimits.reasonBytesMax).toString('utf8')
  return { mesh: holder.mesh, reason: fitting, nonce, issuedMs: Date.now() }
}

async function hand({ client }: Context, body: Uint8Array): Promise<RouteResponse<'sayStop'>> {
  const { credential, signer } = await client.signIn.key()
  const word = encode(StopWord, { body, hands: [await slowHandOf(body, credential, signer)] })
  return client.call('sayStop', { body: { word: Buffer.from(word).toString('base64url') } })
}

/** What another person has proposed, if it releases just what this one would. */
function sameRelease(state: State, wanted: Release): Uint8Array | undefined {
  for (const { body } of state.proposals) {
    const bytes = new Uint8Array(Buffer.from(body, 'base64url'))
    const saying = sayingIn(bytes)
    if (saying?.act !== 'release' || saying.mesh !== wanted.mesh) continue
    const isSame =
      scopeText(saying.scope) === scopeText(wanted.scope) &&
      saying.floor === wanted.floor &&
      JSON.stringify(saying.covers) === JSON.stringify(wanted.covers)
    if (isSame) return bytes
  }
  return undefined
}

// ── Following ───────────────────────────────────────────────────────────────────────────────────

async function follow(
  context: Context,
  { word, outcome }: RouteResponse<'sayStop'>,
  { timeout }: Pick<StopFlags, 'timeout'>,
): Promise<number> {
  if (outcome === 'proposed') {
    if (context.json) document(context, { schemaVersion: 1, word, outcome, nodes: [] })
    else context.io.err('another person has to sign it: skein resume with their key\n')
    return exitCodes.waiting
  }
  const untilMs = performance.now() + 1_000 * Number(timeout)
  for (;;) {
    const { nodes } = await context.client.call('estop', { query: { word } })
    const isOver = !nodes.some(isAwaited) || performance.now() >= untilMs
    if (isOver || context.interrupted.aborted) return tell(context, word, outcome, nodes)
    await sleep(LOOK_MS, context.interrupted)
  }
}

// ── What is meant ───────────────────────────────────────────────────────────────────────────────

async function touched(
  { client }: Context,
  scope: StopScope,
  mode: StopMode,
  deadlineMs?: number,
): Promise<string> {
  const { nodes } = await client.call('nodes', {}, deadlineMs)
  const living = nodes.filter(({ state }) => state === 'alive' || state === 'suspect')
  const meant =
    scope.kind === 'label'
      ? living.filter(({ labels }) => labels[scope.key] === scope.value)
      : living
  const names = meant.slice(0, 8).map(({ name }) => plain(name))
  const more = meant.length > names.length ? ` and ${meant.length - names.length} more` : ''
  const what = mode === 'kill' ? 'is killed' : 'runs out'
  const hosts = scope.kind === 'run' ? 'wherever it is' : `on ${names.join(', ')}${more}`
  return `emergency stop of ${inWords(scope)}: all that runs ${hosts} ${what}, and nothing begins until it is released`
}

function nothingInForce(scope: StopScope, { inForce }: State, epoch?: string): Problem {
  const others = inForce.map((stop) => `${stop.scope} #${stop.epoch}`)
  const what = epoch === undefined ? inWords(scope) : `${inWords(scope)} with epoch ${epoch}`
  return new Problem({
    code: 'notFound',
    why: `no emergency stop of ${what} is in force`,
    fix: others.length === 0 ? 'none is in force at all' : `in force: ${others.join(', ')}`,
    exitCode: exitCodes.notFound,
  })
}
