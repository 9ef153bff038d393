/**
 * Files that stages hand on to others: the name of the list of them, and who has them. It is told
 * with results, and in the ledger from then on; who has taken files over comes to hold them too, as
 * long as its host has room.
 */
import type { ContentHash } from '../../../protocol/artifacts/hashes.ts'
import type { PeerId } from '../../../protocol/identity/peer-id.ts'
import type { ArtifactsEntry, UnitView } from '../../../protocol/ledger/work-view.ts'
import type { ArtifactSource, Outcome } from '../../../protocol/work/attempt.ts'
import { workLimits } from '../../../protocol/work/limits.ts'
import { unitStates } from '../../../protocol/work/states.ts'
import type { Plan } from './compiled.ts'
import type { Core } from './core.ts'
import type { Effect } from './effects.ts'
import type { Failure } from './ends.ts'
import { placeOf, refuse } from './rendering.ts'
import type { Run, Unit } from './run.ts'

/** Of a stage, or of one item of it. */
export interface Handing {
  readonly item: number
  readonly manifest: ContentHash
  readonly files: number
  readonly bytes: number
  /** Who has made them, who keeps them as long as the run is in the ledger; then those with copies. */
  readonly holders: string[]
}

/** A unit has succeeded, and hands these on. */
export function noteHandedOn(
  run: Run,
  plan: Plan,
  item: number | undefined,
  artifacts: readonly ArtifactsEntry[],
): void {
  if (!plan.isSource || artifacts.length === 0) return
  const known = run.handedOn.get(plan.index) ?? []
  run.handedOn.set(plan.index, known)
  for (const { item: own = item ?? -1, manifest, files, bytes, node } of artifacts) {
    known.push({ item: own, manifest: manifest as ContentHash, files, bytes, holders: [node] })
  }
}

/** From what the ledger has of it: its own, or those of all its items in a run before. */
export function readHandedOn(run: Run, plan: Plan, { item, state, artifacts }: UnitView): void {
  if (state === 'succeeded' && artifacts !== undefined) noteHandedOn(run, plan, item, artifacts)
}

/** It has taken files over: from now on it holds them too. */
export function noteHolder(run: Run, { artifactsFrom }: Plan, node: string): void {
  if (node === '') return
  for (const stage of artifactsFrom) {
    for (const { holders } of run.handedOn.get(stage) ?? []) {
      if (holders.length < workLimits.artifactHoldersMax && !holders.includes(node)) {
        holders.push(node)
      }
    }
  }
}

/** What is to be said to those who have made files that the run takes over. */
export function keepEffects(run: Run, artifacts: readonly ArtifactsEntry[]): Effect[] {
  const byNode = new Map<string, ContentHash[]>()
  for (const { node, manifest } of artifacts) {
    const known = byNode.get(node)
    if (known === undefined) byNode.set(node, [manifest as ContentHash])
    else known.push(manifest as ContentHash)
  }
  return [...byNode].map(([node, manifests]) => ({ kind: 'keep', node, run: run.id, manifests }))
}

/** Of a stage, as the ledger is told of them. */
export function entriesOf(run: Run, stage: number): readonly ArtifactsEntry[] {
  return (run.handedOn.get(stage) ?? []).map(({ item, manifest, files, bytes, holders }) => ({
    ...(item < 0 ? {} : { item }),
    manifest,
    files,
    bytes,
    node: holders[0] ?? '',
  }))
}

/** Called within `rendered`. A stage that did not succeed hands nothing on. */
export function sourcesFor(core: Core, run: Run, plan: Plan): ArtifactSource[] {
  const sources: ArtifactSource[] = []
  for (const { stage, handing } of handingsFor(run, plan)) {
    if (handing.files === 0) continue
    const { manifest, holders } = handing
    sources.push({ stage, manifest, holders: inOrderOfHope(core, holders) as PeerId[] })
  }
  const { artifactSourcesMax } = workLimits
  if (sources.length > artifactSourcesMax) {
    const why = `files of ${sources.length} attempts, and ${artifactSourcesMax} are the most`
    refuse(
      placeOf(plan.stage, 'artifactsFrom'),
      `${why}; have a stage between that puts them together`,
    )
  }
  return sources
}

/** As long as who has made them is there, nobody who is not needs to be asked. */
function inOrderOfHope(core: Core, holders: readonly string[]): string[] {
  const there = holders.filter((node) => isThere(core, node))
  if (there.includes(holders[0]!)) return there
  return [...there, ...holders.filter((node) => !there.includes(node))]
}

function isThere({ hosts, lost }: Core, node: string): boolean {
  const state = hosts.get(node)?.state
  return (state === 'alive' || state === 'suspect') && !lost.has(node)
}

/**
 * What it means that an attempt did not get its files: when none of the hosts that had some of them
 * is there, those are lost, whatever the agent takes it for. Undefined: it is as the agent says.
 */
export function lostFiles(core: Core, { run, plan }: Unit, outcome: Outcome): Failure | undefined {
  if (outcome.kind !== 'failed' || plan.artifactsFrom.length === 0) return undefined
  const { code } = outcome.value
  if (code !== 'unreachable' && code !== 'lost') return undefined
  for (const { stage, handing } of handingsFor(run, plan)) {
    const { manifest, holders } = handing
    if (holders.some((node) => isThere(core, node))) continue
    const names = holders.map((node) => core.hosts.get(node)?.name ?? node).join(', ')
    const had = `the files of ${stage} (${manifest}) were on ${names}, which is gone`
    const why = `${had}; bring it back, or make them again: skein runs retry ${run.id} --from ${stage}`
    return { errorClass: 'lost', why }
  }
  return undefined
}

function* handingsFor(
  run: Run,
  { artifactsFrom }: Plan,
): Generator<{ readonly stage: string; readonly handing: Handing }> {
  for (const index of artifactsFrom) {
    if (run.over[index] !== unitStates.succeeded) continue
    const { name } = run.compiled.plans[index]!.stage
    for (const handing of inOrder(run.handedOn.get(index) ?? [])) yield { stage: name, handing }
  }
}

/** Items end in any order, and hand on in theirs. */
function inOrder(handings: readonly Handing[]): readonly Handing[] {
  return handings.length < 2 ? handings : [...handings].sort((a, b) => a.item - b.item)
}

export interface Placed {
  readonly bytes: number
  readonly byNode: ReadonlyMap<string, number>
}

/** How much of what it takes over lies where. */
export function filesAt(run: Run, { artifactsFrom }: Plan): Placed | undefined {
  if (artifactsFrom.length === 0) return undefined
  const byNode = new Map<string, number>()
  let bytes = 0
  for (const stage of artifactsFrom) {
    for (const handing of run.handedOn.get(stage) ?? []) {
      bytes += handing.bytes
      for (const node of handing.holders) {
        byNode.set(node, (byNode.get(node) ?? 0) + handing.bytes)
      }
    }
  }
  return { bytes, byNode }
}
