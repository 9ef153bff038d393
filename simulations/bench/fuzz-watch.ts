/**
 * Looks at the victim from outside while it is attacked: does it answer and how soon, what does it
 * hold, what has it refused, and does an honest neighbour see it alive. Nothing here asks for more
 * than a person or a monitoring system would.
 */
import { readFileSync } from 'node:fs'
import type { LocalNode } from '../mesh/layout.ts'
import { look } from '../mesh/looking.ts'

export interface MemorySample {
  atMs: number
  mib: number
}

const HEALTH_EVERY_MS = 50
const WITNESS_EVERY_MS = 100
const RESIDENT_EVERY_MS = 200
const HEAP_EVERY_MS = 500
const ANSWER_DEADLINE_MS = 5_000

export class Watch {
  readonly healthMs: number[] = []
  readonly resident: MemorySample[] = []
  /** What its heap holds, by its own account, garbage included. */
  readonly heap: MemorySample[] = []
  /** What the victim did not answer, and why. */
  readonly unanswered: string[] = []
  /** Looks of the witness, and those at which the victim was not alive to it. */
  looks = 0
  readonly doubts: string[] = []
  private readonly victim: LocalNode
  private readonly witness: LocalNode
  private readonly startedMs = performance.now()
  private readonly following = new AbortController()
  private watching = true
  private readonly loops: Promise<void>[]

  constructor(victim: LocalNode, witness: LocalNode) {
    this.victim = victim
    this.witness = witness
    this.loops = [
      this.every(HEALTH_EVERY_MS, () => this.askHealth()),
      this.every(WITNESS_EVERY_MS, () => this.askWitness()),
      this.every(RESIDENT_EVERY_MS, async () => this.weigh()),
      this.every(HEAP_EVERY_MS, () => this.askHeap()),
      this.followEvents(),
    ]
  }

  elapsedMs(): number {
    return performance.now() - this.startedMs
  }

  async stop(): Promise<void> {
    this.watching = false
    this.following.abort()
    await Promise.all(this.loops)
  }

  /** What the victim has refused since it started, by reason. */
  async refusals(): Promise<Record<string, number>> {
    const text = await this.text(this.victim, '/metrics')
    const counts: Record<string, number> = {}
    for (const [, reason, count] of text.matchAll(/^skein_refused\{reason="(\w+)"\} (\S+)/gm)) {
      counts[reason as string] = Number(count)
    }
    return counts
  }

  private async every(ms: number, look: () => Promise<void>): Promise<void> {
    while (this.watching) {
      await look()
      await new Promise((resolve) => setTimeout(resolve, ms))
    }
  }

  private async askHealth(): Promise<void> {
    const startedMs = performance.now()
    try {
      await this.text(this.victim, '/health')
      this.healthMs.push(performance.now() - startedMs)
    } catch (error) {
      this.unanswered.push(`/health: ${String(error)}`)
    }
  }

  private async askHeap(): Promise<void> {
    try {
      const { name } = this.victim
      const { sample } = JSON.parse(await this.text(this.victim, `/api/v1/nodes/${name}`)) as {
        sample?: { agent: { heapUsedBytes: number } }
      }
      const mib = (sample?.agent.heapUsedBytes ?? Number.NaN) / 2 ** 20
      this.heap.push({ atMs: this.elapsedMs(), mib })
    } catch (error) {
      this.unanswered.push(`/api/v1/nodes: ${String(error)}`)
    }
  }

  private async askWitness(): Promise<void> {
    try {
      const { nodes } = JSON.parse(await this.text(this.witness, '/api/v1/nodes')) as {
        nodes: { name: string; state: string }[]
      }
      this.looks++
      const state = nodes.find(({ name }) => name === this.victim.name)?.state ?? 'unknown'
      if (state !== 'alive') this.doubts.push(state)
    } catch (error) {
      this.unanswered.push(`the witness: ${String(error)}`)
    }
  }

  /** What happens between two looks is told by the witness's event stream. */
  private async followEvents(): Promise<void> {
    const path = '/api/v1/events?follow=true&last=0'
    try {
      const { body } = await look(this.witness, path, this.following.signal)
      let rest = ''
      for await (const chunk of (body ?? []) as AsyncIterable<Uint8Array>) {
        const lines = (rest + Buffer.from(chunk).toString('utf8')).split('\n')
        rest = lines.pop() ?? ''
        for (const line of lines) this.hearEvent(line)
      }
    } catch (error) {
      if (this.watching) this.unanswered.push(`the witness's events: ${String(error)}`)
    }
  }

  private hearEvent(line: string): void {
    if (line === '') return
    const { kind, name } = JSON.parse(line) as { kind: string; name?: string }
    const doubted = kind === 'node.suspect' || kind === 'node.dead'
    if (doubted && name === this.victim.name) this.doubts.push(kind)
  }

  private weigh(): void {
    try {
      const status = readFileSync(`/proc/${this.victim.pid}/status`, 'utf8')
      const [, kib] = /VmRSS:\s+(\d+) kB/.exec(status) ?? []
      this.resident.push({ atMs: this.elapsedMs(), mib: Number(kib) / 1_024 })
    } catch {
      this.unanswered.push('its process is gone')
    }
  }

  private async text(node: LocalNode, path: string): Promise<string> {
    const response = await look(node, path, AbortSignal.timeout(ANSWER_DEADLINE_MS))
    return response.text()
  }
}
