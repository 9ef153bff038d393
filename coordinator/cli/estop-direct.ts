/**
 * `skein estop` past every control API: the word is brought to the peers themselves, over the mesh's
 * own transport, with the swarm key. All that are known and can be reached are told at once, also
 * on both sides of a partition; what each of them has heard of the others is put together.
 *
 * Invariant: only what hosts of the mesh say is told on as confirmed.
 */

import { randomBytes } from 'node:crypto'
import { startNetwork } from '../../agent/network/start.ts'
import { estopLimits, estopTopic } from '../../protocol/estop/limits.ts'
import type { StopMode, StopScope } from '../../protocol/estop/scope.ts'
import { VisitAnswer, type VisitNode, visitPurpose } from '../../protocol/estop/visit.ts'
import { StopWord, sayWord, slowHandOf, wordId } from '../../protocol/estop/word.ts'
import { exitCodes } from '../../protocol/exit-codes.ts'
import { believe, type Trust } from '../../protocol/identity/credential.ts'
import { seedBytes } from '../../protocol/identity/limits.ts'
import { mayDo } from '../../protocol/identity/verbs.ts'
import { silentLog } from '../../protocol/ports/log.ts'
import type { Network, Stream } from '../../protocol/ports/network.ts'
import { Problem } from '../../protocol/problem.ts'
import { messageOf } from '../../protocol/thrown.ts'
import { decode, encode } from '../../protocol/wire/codec.ts'
import { confirm } from './confirm.ts'
import { type Context, sleep } from './context.ts'
import { inWords } from './estop-meant.ts'
import { isAwaited, type StopNode, tell } from './estop-told.ts'
import { type DirectFlags, type Ways, waysTo } from './estop-ways.ts'
import { plain } from './table.ts'

export interface DirectStop extends DirectFlags {
  scope: StopScope
  mode: StopMode
  reason: string
  timeout: string
  /** Why no control API was asked. */
  insteadOf: Problem | undefined
}

/** How often the word is said again, which is how it is asked who has obeyed. */
const LOOK_MS = 100
/** Peers that are told by this program; they tell all others. */
const VISITS_MAX = 24

export async function estopDirectly(context: Context, stop: DirectStop): Promise<number> {
  const key = await context.client.signIn.key()
  const { holder } = key
  if (!mayDo(holder.roles, 'estop.raise')) {
    const why = `${holder.name} may not do that: estop.raise takes the role operator`
    const fix = 'ask somebody who may'
    throw new Problem({ code: 'refused', why, fix, exitCode: exitCodes.refused })
  }
  const ways = waysOr(stop.insteadOf, () => waysTo(context.io.env, key, stop))
  if (stop.insteadOf !== undefined && !context.quiet) {
    context.io.err(`${stop.insteadOf.why}; the peers are told directly\n`)
  }
  const what = stop.mode === 'kill' ? 'is killed' : 'runs out'
  await confirm(
    context,
    `emergency stop of ${inWords(stop.scope)}, said to ${ways.addresses.length} addresses of peers directly: what runs ${what}, and nothing begins until it is released`,
  )
  const network = await startNetwork({
    privateKeySeed: new Uint8Array(randomBytes(seedBytes)),
    swarmKey: ways.swarmKey,
    listen: [],
    bootstrap: [],
    mdns: false,
    topics: [estopTopic],
    log: silentLog,
  })
  try {
    return await brought(context, stop, network, ways)
  } finally {
    await network.stop()
  }
}

/** Without a way to peers, what went wrong first is what went wrong. */
function waysOr(before: Problem | undefined, look: () => Ways): Ways {
  try {
    return look()
  } catch (error) {
    if (before === undefined || !(error instanceof Problem)) throw error
    const { code, why, exitCode } = before
    const fix = `to tell the peers directly: ${error.why}; ${error.fix}`
    throw new Problem({ code, why, fix, exitCode }, error)
  }
}

async function brought(
  context: Context,
  stop: DirectStop,
  network: Network,
  ways: Ways,
): Promise<number> {
  const { holder } = await context.client.signIn.key()
  const trust: Trust = { mesh: holder.mesh, isRevoked: () => false }
  const first = await wordOf(context, stop, 1)
  const visits = ways.addresses
    .slice(0, VISITS_MAX)
    .map((address) => new Visit(network, address, trust, first.bytes))
  const until = performance.now() + 1_000 * Number(stop.timeout)
  let { id } = first
  let isRenamed = false
  for (;;) {
    const answers = visits.flatMap(({ answer }) => answer ?? [])
    const nodes = together(answers.map((answer) => answer.nodes))
    // Where old stops were forgotten, the first of a scope is one of them: then it is said anew.
    const old = answers.filter(({ outcome, nodes: all }) => outcome === 'known' && !isHeld(all))
    if (!isRenamed && old.length > 0) {
      isRenamed = true
      const word = await wordOf(context, stop, Math.max(...old.map((one) => one.nextEpoch)))
      id = word.id
      for (const visit of visits) visit.bring(word.bytes)
    } else {
      const isDone = nodes.length > 0 && !nodes.some(isAwaited) && visits.every((one) => one.isOver)
      const isOver = isDone || performance.now() >= until || visits.every(({ isLost }) => isLost)
      if (isOver || context.interrupted.aborted) {
        if (nodes.length === 0) throw nobody(visits)
        return tell(context, id, 'news', nodes)
      }
      for (const visit of visits) visit.ask()
    }
    await sleep(LOOK_MS, context.interrupted)
  }
}

async function wordOf({ client }: Context, stop: DirectStop, epoch: number) {
  const { holder, credential, signer } = await client.signIn.key()
  const { scope, mode } = stop
  const reason = Buffer.from(stop.reason).subarray(0, estopLimits.reasonBytesMax).toString('utf8')
  const nonce = new Uint8Array(randomBytes(estopLimits.nonceBytes))
  const { mesh } = holder
  const issuedMs = Date.now()
  const body = sayWord({ act: 'raise', mode, mesh, scope, epoch, reason, nonce, issuedMs })
  const hands = [await slowHandOf(body, credential, signer)]
  return { id: wordId(body), bytes: encode(StopWord, { body, hands }) }
}

/** One peer, from dialling it to its last answer. */
class Visit {
  answer: VisitAnswer | undefined
  /** It has answered once, or will not. */
  isOver = false
  /** It will not answer any more. */
  isLost = false
  why = 'it did not answer in time'
  readonly address: string
  readonly #trust: Trust
  #word: Uint8Array
  #stream: Stream | undefined
  #isAsked = true

  constructor(network: Network, address: string, trust: Trust, word: Uint8Array) {
    this.address = address
    this.#trust = trust
    this.#word = word
    this.#begin(network).catch((error: unknown) => {
      this.#lost(messageOf(error))
    })
  }

  /** Another word in the place of the first. */
  bring(word: Uint8Array): void {
    this.#word = word
    this.answer = undefined
    this.#isAsked = false
    this.ask()
  }

  ask(): void {
    if (this.#stream === undefined || this.#isAsked) return
    this.#isAsked = true
    this.#stream.send(this.#word)
  }

  async #begin(network: Network): Promise<void> {
    const { signal } = new AbortController()
    const peer = await network.dial(this.address, signal)
    const stream = await network.open(peer, visitPurpose, signal)
    stream.onFrame = (frame) => this.#heard(stream, frame)
    stream.onClose = () => this.#lost('it does not take the word: the key may have been revoked')
    this.#stream = stream
    stream.send(this.#word)
  }

  #heard(stream: Stream, frame: Uint8Array): void {
    const read = decode(VisitAnswer, frame)
    if (!read.ok) return this.#lost('what it says makes no sense')
    const believed = believe(read.value.credential, this.#trust, Date.now())
    const isHost = believed.ok && believed.holder.kind === 'peer'
    if (!isHost || believed.holder.subject !== stream.peer) {
      return this.#lost('it is no host of this mesh')
    }
    this.#isAsked = false
    this.answer = read.value
    this.isOver = true
  }

  #lost(why: string): void {
    if (this.isLost) return
    this.isLost = true
    this.isOver = true
    this.why = why
    this.#stream?.abort('closedHere')
    this.#stream = undefined
  }
}

/** Whether whoever says this holds the word itself: it then has an answer of its own. */
function isHeld(nodes: readonly VisitNode[]): boolean {
  return nodes.some(({ answer }) => answer === 'latched' || answer === 'done')
}

const answersInOrder: readonly string[] = ['silent', 'refused', 'latched', 'done']
const statesInOrder: readonly string[] = ['left', 'dead', 'suspect', 'alive']

/** Of each node the most that anybody has heard of it; whom anybody sees alive, lives. */
function together(tables: readonly (readonly VisitNode[])[]): StopNode[] {
  const nodes = new Map<string, VisitNode>()
  for (const node of tables.flat()) {
    const known = nodes.get(node.id)
    if (known === undefined) nodes.set(node.id, node)
    else {
      const { answer, killed, tookMs, why } = later(answersInOrder, known, node, 'answer')
      const { state } = later(statesInOrder, known, node, 'state')
      nodes.set(node.id, { ...known, state, answer, killed, tookMs, why })
    }
  }
  return [...nodes.values()]
    .map(({ why, ...node }) => ({ ...node, ...(why === '' ? {} : { why }) }) as StopNode)
    .sort((a, b) => (a.name < b.name ? -1 : 1))
}

function later(order: readonly string[], a: VisitNode, b: VisitNode, key: 'answer' | 'state') {
  return order.indexOf(b[key]) > order.indexOf(a[key]) ? b : a
}

function nobody(visits: readonly Visit[]): Problem {
  const told = visits.slice(0, 4).map(({ address, why }) => `${address}: ${plain(why)}`)
  return new Problem({
    code: 'noAnswer',
    why: `no peer has taken the stop: ${told.join('; ')}`,
    fix: 'name others with --peer, or stop each host with skein agent estop --local',
    exitCode: exitCodes.noAnswer,
  })
}
