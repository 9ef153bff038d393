/**
 * What a leader tells agents, gathered into frames: all that follows from one entry goes together.
 * That results are committed is in no hurry: it goes with whatever else is said to the agent, and
 * by itself only when nothing is for a while, or much has gathered.
 */

import type { ContentHash } from '../../protocol/artifacts/hashes.ts'
import { assertNever } from '../../protocol/assert.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import type { Clock, Timer } from '../../protocol/ports/clock.ts'
import type { Assignment } from '../../protocol/work/attempt.ts'
import { artifactSourceBytesMax, workLimits as limits } from '../../protocol/work/limits.ts'
import type { AttemptRef, Cancellation, WorkFrame } from '../../protocol/work/messages.ts'
import type { AttemptStep } from '../../protocol/work/step.ts'
import type { Effect } from './core/effects.ts'
import { leadingLimits } from './limits.ts'

export type Sent = Extract<Effect, { kind: 'assign' | 'cancel' | 'committed' | 'inquire' | 'keep' }>

interface Batch {
  readonly assign: Assignment[]
  readonly cancel: Cancellation[]
  readonly committed: AttemptRef[]
  readonly keep: { readonly run: string; readonly manifests: readonly ContentHash[] }[]
  inquire: boolean
}

export class Dispatch {
  private readonly term: number
  private readonly clock: Clock
  private readonly outlet: (to: PeerId, frame: WorkFrame) => void
  private readonly batches = new Map<PeerId, Batch>()
  private timer: Timer | undefined
  /** Of the last question to each host. */
  private readonly serials = new Map<PeerId, number>()
  private serial = 0

  constructor(term: number, clock: Clock, outlet: (to: PeerId, frame: WorkFrame) => void) {
    this.term = term
    this.clock = clock
    this.outlet = outlet
  }

  /** What is left to be said is said; nothing is to be added any more. */
  end(): void {
    this.sendAll()
  }

  add(effect: Sent): void {
    const batch = this.batchFor(effect.node as PeerId)
    switch (effect.kind) {
      case 'assign':
        batch.assign.push(effect.assignment)
        return
      case 'cancel': {
        const { id, fence, reason, atOnce } = effect
        batch.cancel.push({ id, fence, reason, atOnce })
        return
      }
      case 'committed':
        batch.committed.push({ id: effect.id, fence: effect.fence })
        return
      case 'keep':
        batch.keep.push({ run: effect.run, manifests: effect.manifests })
        return
      case 'inquire':
        batch.inquire = true
        return
      default:
        assertNever(effect)
    }
  }

  /** Whether that was the last question to the host. */
  isCurrent(host: PeerId, serial: number): boolean {
    return this.serials.get(host) === serial
  }

  /** Of each agent all, or nothing yet. */
  send(): void {
    for (const [to, batch] of this.batches) if (isUrgent(batch)) this.sendTo(to, batch)
    if (this.batches.size === 0) this.rest()
    else this.timer ??= this.clock.after(leadingLimits.committedWaitMs, () => this.sendAll())
  }

  private sendAll(): void {
    this.rest()
    for (const [to, batch] of this.batches) this.sendTo(to, batch)
  }

  private rest(): void {
    this.timer?.cancel()
    this.timer = undefined
  }

  private sendTo(to: PeerId, { assign, cancel, committed, inquire, keep }: Batch): void {
    const { term } = this
    this.batches.delete(to)
    for (const attempts of parts(committed, limits.attemptsPerFrameMax)) {
      this.outlet(to, { kind: 'committed', value: { term, attempts } })
    }
    for (const attempts of parts(cancel, limits.attemptsPerFrameMax)) {
      this.outlet(to, { kind: 'cancel', value: { term, attempts } })
    }
    for (const assignments of assignmentFrames(assign)) {
      this.outlet(to, { kind: 'assign', value: { term, assignments } })
    }
    for (const { run, manifests } of keep) {
      for (const some of parts(manifests, limits.artifactSourcesMax)) {
        this.outlet(to, { kind: 'keep', value: { term, run, manifests: some } })
      }
    }
    if (!inquire) return
    const serial = ++this.serial
    this.serials.set(to, serial)
    this.outlet(to, { kind: 'inventoryRequest', value: { term, serial } })
  }

  private batchFor(node: PeerId): Batch {
    const known = this.batches.get(node)
    if (known !== undefined) return known
    const made: Batch = { assign: [], cancel: [], committed: [], keep: [], inquire: false }
    this.batches.set(node, made)
    return made
  }
}

function isUrgent({ assign, cancel, committed, inquire, keep }: Batch): boolean {
  const { committedWaitMax } = leadingLimits
  const isMore = assign.length > 0 || cancel.length > 0 || keep.length > 0 || inquire
  return isMore || committed.length >= committedWaitMax
}

function* parts<T>(items: readonly T[], most: number): Generator<T[]> {
  for (let from = 0; from < items.length; from += most) yield items.slice(from, from + most)
}

function* assignmentFrames(assignments: readonly Assignment[]): Generator<Assignment[]> {
  let frame: Assignment[] = []
  let bytes = 0
  for (const assignment of assignments) {
    const own = bytesOf(assignment)
    const isFull =
      frame.length >= limits.assignmentsPerFrameMax || bytes + own > limits.frameItemsBytesMax
    if (isFull && frame.length > 0) {
      yield frame
      frame = []
      bytes = 0
    }
    frame.push(assignment)
    bytes += own
  }
  if (frame.length > 0) yield frame
}

/** Of ids, fences, figures and the envelopes of all parts. */
const restBytes = 1_024
/** Around each text, and for what is longer in UTF-8 than in characters. */
const perText = 8
const bytesPerCharacter = 3

/** Not less than it takes when it is encoded. */
function bytesOf(assignment: Assignment): number {
  const { step, env, secrets, secretFiles, with: input, directory, resources } = assignment
  const { artifacts, artifactsFrom } = assignment
  const texts = [input ?? '', directory ?? '', ...artifacts, ...textsOf(step)]
  for (const map of [env, secrets, secretFiles]) {
    for (const key of Object.keys(map)) texts.push(key, map[key]!)
  }
  for (const key of Object.keys(resources.custom)) texts.push(key)
  let bytes = restBytes + artifactSourceBytesMax * artifactsFrom.length
  for (const text of texts) bytes += perText + sizeOf(text)
  return bytes
}

/** Exact where it matters: of a long text. */
function sizeOf(text: string): number {
  return text.length < restBytes ? text.length * bytesPerCharacter : Buffer.byteLength(text)
}

function textsOf(step: AttemptStep): readonly string[] {
  switch (step.kind) {
    case 'script':
      return [step.value.text, ...Object.entries(step.value.variables).flat()]
    case 'program':
      return step.value.argv
    case 'http':
      return [step.value.url, step.value.body ?? '', ...Object.entries(step.value.headers).flat()]
    case 'function':
      return [step.value.module, step.value.export]
    case 'container':
      return [step.value.image, ...step.value.command]
    default:
      return assertNever(step)
  }
}
