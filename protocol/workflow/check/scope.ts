/**
 * What expressions may speak of, and of which type it is. The same names are given to the evaluation
 * at run time: this is the contract between the language and the scheduler.
 */

import {
  anyList,
  anyMap,
  bool,
  double,
  dyn,
  int,
  listOf,
  mapOf,
  type ObjectType,
  objectOf,
  string,
  type Type,
  timestamp,
} from '../expressions/types.ts'
import type { Input, Stage, Workflow } from '../model.ts'

const typeOfInput: Readonly<Record<Input['type'], Type>> = {
  string,
  number: double,
  integer: int,
  boolean: bool,
  list: anyList,
  object: anyMap,
}

/** Of a run, wherever it is known that there is one. */
const runType = objectOf('run', {
  id: string,
  workflow: string,
  /** Who started it. */
  startedBy: string,
  startedAt: timestamp,
  labels: mapOf(string),
})

/** After the stages, it is known how they ended: succeeded, failed or cancelled. */
const endedRunType = objectOf('run', {
  id: string,
  workflow: string,
  startedBy: string,
  startedAt: timestamp,
  labels: mapOf(string),
  state: string,
  /** Names of stages. */
  failed: listOf(string),
})

/** A host that the stage might run on. */
const nodeType = objectOf('node', {
  id: string,
  name: string,
  labels: mapOf(string),
  /** Cores, and bytes, that it has. */
  cpu: double,
  memory: int,
  disk: int,
  /** Load of all cores together, 0 to 1. */
  load: double,
  /** Attempts that run there. */
  running: int,
})

function stageType(stage: Stage): Type {
  return objectOf(`stages.${stage.name}`, {
    /** succeeded, failed, skipped or cancelled. */
    state: string,
    /** What it wrote to $SKEIN_OUTPUT; of a forEach, a list of what each wrote. */
    outputs: stage.forEach ? anyList : anyMap,
    attempts: int,
    /** The class and the words of its last error; empty when there is none. */
    error: objectOf(`stages.${stage.name}.error`, { class: string, message: string }),
    /** Of a run: the last one's. */
    exitCode: int,
    /** The node that it ran on. */
    node: string,
  })
}

export type ScopeKind =
  | 'run'
  | 'stage'
  | 'item'
  | 'defaults'
  | 'placement'
  | 'itemPlacement'
  | 'ended'
  | 'endedItem'

/** Made once for a workflow; types of stages as they are asked for. */
export class Scopes {
  private readonly inputs: ObjectType
  private readonly stages: ObjectType
  private readonly made = new Map<ScopeKind, ObjectType>()

  /** `inputNames` has also those inputs that could not be read. */
  constructor(inputNames: readonly string[], inputs: Workflow['inputs'], stages: readonly Stage[]) {
    const typeOf = (name: string) => {
      const input = Object.hasOwn(inputs, name) ? inputs[name] : undefined
      return input ? typeOfInput[input.type] : dyn
    }
    this.inputs = objectOf(
      'inputs',
      new Map(inputNames.map((name) => [name, typeOf(name)])),
      hyphenated('inputs', inputNames),
    )
    const byName = new Map(stages.map((stage) => [stage.name, stage]))
    const types = new Map<string, Type>()
    const advise = hyphenated('stages', byName.keys())
    this.stages = {
      kind: 'object',
      name: 'stages',
      fields: () => byName.keys(),
      ...(advise ? { advise } : {}),
      field: (name) => {
        const stage = byName.get(name)
        if (stage === undefined) return undefined
        const type = types.get(name) ?? stageType(stage)
        types.set(name, type)
        return type
      },
    }
  }

  of(kind: ScopeKind): ObjectType {
    const known = this.made.get(kind)
    if (known) return known
    const scope = objectOf('here', this.names(kind), advice)
    this.made.set(kind, scope)
    return scope
  }

  private names(kind: ScopeKind): Record<string, Type> {
    const isEnded = kind === 'ended' || kind === 'endedItem'
    const names = { inputs: this.inputs, run: isEnded ? endedRunType : runType }
    if (kind === 'run') return names
    if (kind === 'defaults') return { ...names, node: nodeType }
    const staged = { ...names, stages: this.stages }
    const item = { item: dyn, index: int }
    if (kind === 'item' || kind === 'endedItem') return { ...staged, ...item }
    if (kind === 'placement') return { ...staged, node: nodeType }
    return kind === 'itemPlacement' ? { ...staged, ...item, node: nodeType } : staged
  }
}

const elsewhere: Readonly<Record<string, string>> = {
  secrets: 'secrets stand in no expression: list them under secrets, and they arrive as variables',
  env: 'variables are for the step itself: write $NAME in its script',
  item: 'item is known only in a stage with forEach',
  index: 'index is known only in a stage with forEach',
  node: 'node is known only under where',
  stages: 'stages are not known before the run has begun',
  steps: 'write stages',
  jobs: 'write stages',
  needs: 'write stages.NAME.outputs',
  input: 'write inputs',
  params: 'write inputs',
  parameters: 'write inputs',
  github: 'write run',
  workflow: 'write run.workflow',
}

function advice(name: string): string | undefined {
  return Object.hasOwn(elsewhere, name) ? elsewhere[name] : undefined
}

/** `stages.deploy-prod` is a subtraction: whoever writes it means something else. */
function hyphenated(
  of: string,
  names: Iterable<string>,
): ((name: string) => string | undefined) | undefined {
  const found = [...names].filter((name) => name.includes('-'))
  if (found.length === 0) return undefined
  return (start) => {
    const meant = found.find((name) => name.startsWith(`${start}-`))
    return meant === undefined ? undefined : `write ${of}["${meant}"], for - is a minus here`
  }
}
