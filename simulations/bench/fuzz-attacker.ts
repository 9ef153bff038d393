/**
 * The attacker, a thread of its own, so that what it costs is not taken for slowness of the victim.
 * It strikes when it is told to: once, to see what a kind of abuse does, or from several lanes at
 * once, every kind in turn, until it is told to stop. The n-th visit of a kind sends the same
 * inputs for the same seed, whenever it happens.
 */

import { parentPort, workerData } from 'node:worker_threads'
import { shuffle } from '../../protocol/ports/entropy.ts'
import { messageOf } from '../../protocol/thrown.ts'
import { SeededEntropy } from '../world/entropy.ts'
import { type FuzzKind, fuzzKindNames } from './fuzz-kinds.ts'
import { type FuzzTarget, rest, Session } from './fuzz-session.ts'
import { strikes } from './fuzz-strikes.ts'

export interface AttackerData {
  target: FuzzTarget
  seed: string
}

export type AttackerOrder = { once: FuzzKind } | { stormLanes: number } | 'cease'

/** One visit is over. `failed` when it could not do what it came for. */
export interface Visit {
  kind: FuzzKind
  sent: number
  failed?: string
}

export type AttackerWord = { visit: Visit } | 'ceased'

/** No visit takes longer; what hangs is the attacker's own fault, and is given up. */
const VISIT_DEADLINE_MS = 15_000

const { target, seed } = workerData as AttackerData
const chance = new SeededEntropy(seed)
const visits = new Map<FuzzKind, number>()
const ceased = new AbortController()

// Writing into connections that are being cut is what this program does.
process.on('uncaughtException', () => {})
process.on('unhandledRejection', () => {})
parentPort?.on('message', (order: AttackerOrder) => void obey(order))

async function obey(order: AttackerOrder): Promise<void> {
  if (order === 'cease') ceased.abort()
  else if ('once' in order) await visit(order.once)
  else {
    await Promise.all(Array.from({ length: order.stormLanes }, (_, i) => lane(String(i))))
    tell('ceased')
  }
}

async function lane(name: string): Promise<void> {
  const order = chance.stream('order').stream(name)
  while (!ceased.signal.aborted) {
    for (const kind of shuffle(order, [...fuzzKindNames])) {
      if (ceased.signal.aborted) return
      await visit(kind)
    }
  }
}

async function visit(kind: FuzzKind): Promise<void> {
  const number = visits.get(kind) ?? 0
  visits.set(kind, number + 1)
  const session = new Session(target, chance.stream(kind).stream(String(number)))
  let failed: string | undefined
  try {
    const late = rest(VISIT_DEADLINE_MS).then(() => Promise.reject(new Error('it took too long')))
    await Promise.race([strikes[kind](session), late])
  } catch (error) {
    failed = messageOf(error)
  }
  await session.end()
  const { sent } = session
  tell({ visit: failed === undefined ? { kind, sent } : { kind, sent, failed } })
}

function tell(word: AttackerWord): void {
  parentPort?.postMessage(word)
}
