/** Files that the stages of a run hand on, as the ledger or the history tells: which, and who has them. */
import type { ArtifactsEntry, RunView, UnitView } from '../../protocol/ledger/work-view.ts'
import { workLimits } from '../../protocol/work/limits.ts'
import type { Workflow } from '../../protocol/workflow/model.ts'
import type { HandedOn, RunArtifacts } from '../api/artifact-schemas.ts'
import { ApiRefusal } from '../api/refusal.ts'
import { SCHEMA_VERSION } from '../api/schemas.ts'
import type { NameOf } from './documents.ts'

export interface ArtifactsAsked {
  readonly stage?: string | undefined
  readonly item?: number | undefined
}

export function handedOnDocument(
  { item, manifest, files, bytes, node }: ArtifactsEntry,
  nameOf: NameOf,
): HandedOn {
  const own = { manifest, files, bytes, node, nodeName: nameOf(node) }
  return item === undefined ? own : { item, ...own }
}

export function artifactsDocument(
  view: RunView,
  workflow: Workflow | undefined,
  { stage, item }: ArtifactsAsked,
  nameOf: NameOf,
): RunArtifacts {
  refuseUnknown(view, workflow, stage)
  const copies = copiesOf(view, workflow)
  const lists: RunArtifacts['lists'] = []
  for (const unit of view.units) {
    if (stage !== undefined && unit.stage !== stage) continue
    for (const entry of entriesOf(unit)) {
      if (item !== undefined && entry.item !== item) continue
      const nodes = [...new Set([entry.node, ...(copies.get(unit.stage) ?? [])])]
      const hosts = nodes
        .slice(0, workLimits.artifactHoldersMax)
        .map((node) => ({ node, nodeName: nameOf(node) }))
      lists.push({ ...handedOnDocument(entry, nameOf), stage: unit.stage, hosts })
    }
  }
  return { schemaVersion: SCHEMA_VERSION, run: view.run, lists }
}

function entriesOf({ item, artifacts = [] }: UnitView): readonly ArtifactsEntry[] {
  return item === undefined ? artifacts : artifacts.map((entry) => ({ ...entry, item }))
}

/** Who has taken files over has kept a copy, as long as its host had room. */
function copiesOf(
  { units }: RunView,
  workflow: Workflow | undefined,
): ReadonlyMap<string, readonly string[]> {
  const takers = new Map<string, string[]>()
  const from = new Map(workflow?.stages.map(({ name, artifactsFrom }) => [name, artifactsFrom]))
  for (const { stage, state, node } of units) {
    if (state !== 'succeeded' || node === undefined) continue
    for (const source of from.get(stage) ?? []) {
      const known = takers.get(source)
      if (known === undefined) takers.set(source, [node])
      else known.push(node)
    }
  }
  return takers
}

function refuseUnknown(
  { run, units }: RunView,
  workflow: Workflow | undefined,
  stage: string | undefined,
): void {
  if (stage === undefined || units.some((unit) => unit.stage === stage)) return
  if (workflow?.stages.some(({ name }) => name === stage)) return
  const fix = `skein runs show ${run} lists the stages`
  throw new ApiRefusal('notFound', `run ${run} has no stage ${JSON.stringify(stage)}`, fix)
}
