/**
 * One attack on one agent, from its start to what came of it: two real agents, the attacker beside
 * them, and the watch. First each kind of abuse alone, so that what the agent counts then is that
 * kind's; then all of them at once, for the time that was asked for.
 */
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { LocalNode } from '../mesh/layout.ts'
import { look } from '../mesh/looking.ts'
import type { AttackerData, AttackerOrder, AttackerWord, Visit } from './fuzz-attacker.ts'
import { type FuzzKind, fuzzKindNames, fuzzKinds } from './fuzz-kinds.ts'
import type { FuzzTarget } from './fuzz-session.ts'
import { type FuzzResult, isCounted, type KindTally, memoryOf } from './fuzz-verdict.ts'
import { Watch } from './fuzz-watch.ts'
import { Mesh } from './mesh.ts'

export interface AttackOptions {
  seconds: number
  seed: string
  onProgress?: (text: string) => void
}

/** As many misbehaving peers at once. */
const LANES = 4
/** The agent counts as it reads, and the metrics are asked for over HTTP: both take a moment. */
const COUNTED_WITHIN_MS = 30_000
const COUNTED_LOOK_MS = 20
const FAILURES_SHOWN = 5

export async function attack(options: AttackOptions): Promise<FuzzResult> {
  const mesh = await Mesh.start(2)
  const [victim, witness] = mesh.nodes as [LocalNode, LocalNode]
  const { pid } = victim
  const watch = new Watch(victim, witness)
  let attacker: Attacker | undefined
  try {
    const startedMs = performance.now()
    attacker = new Attacker(await targetOf(mesh, victim, witness), options.seed)
    for (const kind of fuzzKindNames) {
      await callOut(kind, attacker, watch)
      options.onProgress?.(`${kind} tried alone`)
    }
    const stormMs = watch.elapsedMs()
    const storm = attacker.storm()
    options.onProgress?.('all kinds at once')
    await mesh.rest(options.seconds * 1_000)
    attacker.cease()
    await storm
    const seconds = (performance.now() - startedMs) / 1_000
    const refused = await watch.refusals().catch(() => ({}))
    await watch.stop()
    return {
      seconds,
      tallies: attacker.tallies(),
      failures: attacker.failures.slice(0, FAILURES_SHOWN),
      refused,
      memory: memoryOf(watch.resident, watch.heap, stormMs),
      healthMs: watch.healthMs,
      unanswered: watch.unanswered,
      looks: watch.looks,
      doubts: watch.doubts,
      up: victim.pid === pid,
      logBytes: statSync(join(victim.dataDirectory, 'agent.log')).size,
    }
  } finally {
    await attacker?.end()
    await watch.stop()
    await mesh.stop()
  }
}

/** Sends one kind alone and waits for the agent to count it. */
async function callOut(kind: FuzzKind, attacker: Attacker, watch: Watch): Promise<void> {
  const before = await watch.refusals()
  await attacker.once(kind)
  const deadlineMs = performance.now() + COUNTED_WITHIN_MS
  let seen = ''
  for (;;) {
    const counts = increase(before, await watch.refusals(), fuzzKinds[kind])
    attacker.counted(kind, counts)
    // Until it is counted, and no more of it is.
    const settled = isCounted(attacker.tally(kind)) && JSON.stringify(counts) === seen
    if (settled || performance.now() > deadlineMs) return
    seen = JSON.stringify(counts)
    await new Promise((resolve) => setTimeout(resolve, COUNTED_LOOK_MS))
  }
}

function increase(
  before: Readonly<Record<string, number>>,
  after: Readonly<Record<string, number>>,
  reasons: readonly string[],
): Record<string, number> {
  const counts = reasons.map((reason) => {
    return [reason, (after[reason] ?? 0) - (before[reason] ?? 0)] as const
  })
  return Object.fromEntries(counts.filter(([, count]) => count > 0))
}

/** What an attacker has to know, and has stolen. */
export async function targetOf(
  mesh: Mesh,
  victim: LocalNode,
  witness: LocalNode,
): Promise<FuzzTarget> {
  const response = await look(victim, '/api/v1/nodes')
  const { nodes } = (await response.json()) as { nodes: { id: string; name: string }[] }
  const idOf = (name: string) => nodes.find((node) => node.name === name)?.id ?? ''
  return {
    host: '127.0.0.1',
    port: victim.meshPort,
    address: `/ip4/127.0.0.1/tcp/${victim.meshPort}`,
    apiAddress: victim.apiAddress,
    dataDirectory: victim.dataDirectory,
    id: idOf(victim.name),
    witness: idOf(witness.name),
    swarmKey: new Uint8Array(readFileSync(mesh.swarmKeyFile)),
    issuerKey: readFileSync(mesh.issuerKeyFile, 'utf8'),
  }
}

/** The attacker's thread, and the book that is kept of it. */
class Attacker {
  readonly failures: string[] = []
  private readonly worker: Worker
  private readonly book = new Map<FuzzKind, KindTally>()
  private onVisit: () => void = () => {}
  private onCeased: () => void = () => {}

  constructor(target: FuzzTarget, seed: string) {
    for (const kind of fuzzKindNames) {
      this.book.set(kind, { kind, visits: 0, sent: 0, failures: 0, counted: {} })
    }
    const data: AttackerData = { target, seed }
    this.worker = new Worker(new URL('fuzz-attacker.ts', import.meta.url), { workerData: data })
    this.worker.on('message', (word: AttackerWord) => {
      if (word === 'ceased') this.onCeased()
      else this.enter(word.visit)
    })
  }

  once(kind: FuzzKind): Promise<void> {
    const over = new Promise<void>((resolve) => {
      this.onVisit = resolve
    })
    this.order({ once: kind })
    return over
  }

  /** Resolves when every lane has come home after `cease`. */
  storm(): Promise<void> {
    const over = new Promise<void>((resolve) => {
      this.onCeased = resolve
    })
    this.order({ stormLanes: LANES })
    return over
  }

  cease(): void {
    this.order('cease')
  }

  async end(): Promise<void> {
    await this.worker.terminate()
  }

  tally(kind: FuzzKind): KindTally {
    return this.book.get(kind) as KindTally
  }

  tallies(): KindTally[] {
    return [...this.book.values()]
  }

  counted(kind: FuzzKind, counts: Record<string, number>): void {
    this.tally(kind).counted = counts
  }

  private enter({ kind, sent, failed }: Visit): void {
    const tally = this.tally(kind)
    tally.visits++
    tally.sent += sent
    if (failed !== undefined) {
      tally.failures++
      this.failures.push(`${kind}: ${failed}`)
    }
    this.onVisit()
  }

  private order(order: AttackerOrder): void {
    this.worker.postMessage(order)
  }
}
