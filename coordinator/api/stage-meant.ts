/** Which work is meant by the name of a stage: that of the workflow that is named, or has run last. */
import { read } from '../../protocol/ledger/read.ts'
import type { LedgerState } from '../../protocol/ledger/state.ts'
import { nearest } from '../../protocol/nearest.ts'
import { fingerprintOf, isFingerprint } from '../../protocol/work/fingerprint.ts'
import type { Workflow } from '../../protocol/workflow/model.ts'
import type { WorkflowLibrary } from '../runs/library.ts'
import { ApiRefusal } from './refusal.ts'

export interface StageMeant {
  readonly group: string
  readonly task: string
}

/** Runs that are looked through, the newest first, and published workflows. */
const lookedThrough = 50

export function stageMeant(
  state: LedgerState,
  library: WorkflowLibrary,
  stage: string,
  name: string | undefined,
): StageMeant {
  if (isFingerprint(stage)) return fingerprintMeant(state, library, stage, name)
  const seen = new Set<string>()
  for (const workflow of workflows(state, library, name)) {
    for (const each of workflow.stages) {
      seen.add(each.name)
      if (each.name !== stage) continue
      const task = fingerprintOf(each)
      if (task !== undefined) return { group: workflow.name, task }
      const why = `hosts do nothing for stage ${stage} of ${workflow.name}: there is nothing to expect`
      throw new ApiRefusal('notFound', why, 'name a stage that runs something')
    }
  }
  const near = nearest(stage, seen)
  const where = name === undefined ? 'no workflow that has run of late or is published' : name
  throw new ApiRefusal(
    'notFound',
    `${where} has ${name === undefined ? 'a' : 'no'} stage ${stage}`,
    near === undefined
      ? 'skein history ls shows the kinds of work that a host remembers; a fingerprint will do, too'
      : `did you mean ${near}?`,
  )
}

function fingerprintMeant(
  state: LedgerState,
  library: WorkflowLibrary,
  task: string,
  name: string | undefined,
): StageMeant {
  if (name !== undefined) return { group: name, task }
  for (const workflow of workflows(state, library, undefined)) {
    if (workflow.stages.some((stage) => fingerprintOf(stage) === task)) {
      return { group: workflow.name, task }
    }
  }
  const why = 'no workflow that has run of late has such work'
  throw new ApiRefusal('notFound', why, 'say of which workflow it is with --workflow')
}

function* workflows(
  state: LedgerState,
  library: WorkflowLibrary,
  name: string | undefined,
): Generator<Workflow> {
  const seen = new Set<string>()
  const ofName = name === undefined ? {} : { name }
  const runs = read(state, { kind: 'runList', limit: lookedThrough, ...ofName }).value.items
  const published =
    name === undefined
      ? read(state, { kind: 'workflowNameList', limit: lookedThrough }).value.items
      : [read(state, { kind: 'workflowOfName', name }).value].filter((item) => item !== undefined)
  for (const hash of [...runs.map(({ workflow }) => workflow), ...published.map((it) => it.hash)]) {
    if (seen.has(hash)) continue
    seen.add(hash)
    const found = library.find(state, hash)
    if (found.ok) yield found.workflow
  }
}
