/** What else must go together: inputs with their defaults, times with each other, lists with limits. */
import { Globs } from '../../artifacts/glob.ts'
import { formatDuration } from '../../units.ts'
import { Regex } from '../expressions/regex.ts'
import { wrongWith } from '../inputs.ts'
import { retryRule } from '../language/policies.ts'
import { workflowLimits as limits } from '../limits.ts'
import type { Path } from '../mistake.ts'
import type { Input, Stage } from '../model.ts'
import { opensNoFile } from '../secrets.ts'
import { type Draft, stagePath } from './draft.ts'
import { knownStage, type Mention } from './needs.ts'

export function checkDetails(draft: Draft): Mention[] {
  if (draft.stages.length > limits.stagesMax) {
    const why = `there are ${draft.stages.length} stages, and ${limits.stagesMax} are allowed`
    draft.refuse('tooMany', ['stages'], why, 'split the workflow, and start the parts as subflows')
  }
  for (const [name, input] of Object.entries(draft.written.inputs ?? {}))
    checkInput(draft, name, input)
  checkNamesOnce(draft)
  return draft.stages.flatMap((stage) => {
    const path = stagePath(stage)
    checkTimes(draft, stage, path)
    checkForEach(draft, stage, path)
    checkRace(draft, stage, path)
    checkVariables(draft, stage, path)
    checkSecretFiles(draft, stage, path)
    checkPatterns(draft, stage, path)
    return filesMentioned(draft, stage, path)
  })
}

function checkInput(draft: Draft, name: string, input: Input): void {
  const path = ['inputs', name]
  const { type, min, max, pattern, required, default: value } = input
  const isSized = type !== 'boolean' && type !== 'object'
  if (pattern !== undefined) {
    const compiled = Regex.of(pattern)
    if (!compiled.ok)
      draft.refuse('badValue', [...path, 'pattern'], `the pattern is wrong: ${compiled.why}`)
    if (type !== 'string') {
      draft.refuse(
        'meaningless',
        [...path, 'pattern'],
        `pattern means nothing for ${type}`,
        'it is for string',
      )
    }
  }
  for (const key of ['min', 'max'] as const) {
    if (input[key] === undefined || isSized) continue
    draft.refuse('meaningless', [...path, key], `${key} means nothing for ${type}`)
  }
  if (min !== undefined && max !== undefined && min > max) {
    draft.refuse('contradiction', [...path, 'min'], `min is ${min} and max is ${max}`)
  }
  input.enum?.forEach((each, i) => {
    const { enum: _, ...rest } = input
    const wrong = wrongWith(rest, each)
    if (wrong) draft.refuse('badValue', [...path, 'enum', i], wrong.message, wrong.hint)
  })
  if (value === undefined) return
  const wrong = wrongWith(input, value)
  if (wrong) draft.refuse('badValue', [...path, 'default'], wrong.message, wrong.hint)
  if (required) {
    const why = 'a default is never taken when a value must be given'
    draft.refuse('contradiction', [...path, 'required'], why, 'leave one of the two out')
  }
}

/** Across sections; within one, a name that stands twice is a key that stands twice. */
function checkNamesOnce(draft: Draft): void {
  const { stages, onFailure, finally: last } = draft.written
  const seen = new Map<string, string>()
  for (const [section, map] of Object.entries({ stages, onFailure, finally: last })) {
    for (const name of Object.keys(map ?? {})) {
      const first = seen.get(name)
      if (first === undefined) seen.set(name, section)
      else
        draft.refuse(
          'duplicateKey',
          [section, name],
          `there is a stage ${name} already, under ${first}`,
        )
    }
  }
}

function checkTimes(draft: Draft, stage: Stage, path: Path): void {
  const { queueMs, startToCloseMs, totalMs, heartbeatMs } = stage.timeouts
  const less = (
    key: string,
    ms: number | undefined,
    otherKey: string,
    otherMs: number | undefined,
  ) => {
    if (ms === undefined || otherMs === undefined || ms <= otherMs) return
    const why = `${key} is ${formatDuration(ms)}, longer than ${otherKey}, which is ${formatDuration(otherMs)}`
    draft.refuse(
      'contradiction',
      [...path, 'timeout', key],
      why,
      `${otherKey} would always come first`,
    )
  }
  less('startToClose', startToCloseMs, 'total', totalMs)
  less('queue', queueMs, 'total', totalMs)
  less('heartbeat', heartbeatMs, 'startToClose', startToCloseMs)
  const { initialMs, maxMs } = stage.retry
  if (initialMs > maxMs) {
    const why = `the first delay is ${formatDuration(initialMs)}, longer than the longest, which is ${formatDuration(maxMs)}`
    draft.refuse('contradiction', [...path, 'retry'], why, 'raise max, or lower initial')
  }
  if (stage.onLost === 'fail' && stage.retry.per.lost?.attempts !== undefined) {
    const why = `onLost is fail, so that ${retryRule(stage.retry, 'lost').attempts} attempts after a loss are never made`
    draft.refuse(
      'contradiction',
      [...path, 'retry', 'per', 'lost'],
      why,
      'leave one of the two out',
    )
  }
}

function checkForEach(draft: Draft, stage: Stage, path: Path): void {
  const { forEach } = stage
  if (forEach === undefined) {
    if (stage.where.spread === undefined || !draft.keysAt([...path, 'where']).includes('spread'))
      return
    const why = 'spread means nothing without forEach'
    draft.refuse('meaningless', [...path, 'where', 'spread'], why)
    return
  }
  const { items, onFailure } = forEach
  if (!('kind' in items) && onFailure.rule === 'quorum' && onFailure.count > items.length) {
    const why = `${onFailure.count} must succeed, and there are only ${items.length}`
    draft.refuse('contradiction', [...path, 'forEach', 'onFailure'], why)
  }
  if (stage.step.kind === 'choose') {
    draft.refuse('contradiction', [...path, 'forEach'], 'a stage that chooses does so once')
  }
}

/** What makes a second attempt beside the first impossible, or harmful. */
function checkRace(draft: Draft, stage: Stage, path: Path): void {
  if (!stage.race) return
  const { compensate, concurrency, forEach, where } = stage
  const at = [...path, 'race']
  if (compensate !== undefined) {
    const why = `of two attempts one is given up halfway, and ${compensate} undoes only the other`
    draft.refuse('contradiction', at, why, 'leave out race, or compensate')
  }
  if (concurrency !== undefined) {
    const why = 'its concurrency group counts one attempt, and two would run at the same time'
    draft.refuse('contradiction', at, why, 'leave out race, or concurrency')
  }
  if (draft.written.concurrency !== undefined) {
    const why = 'the workflow has a concurrency group, and a slower attempt may outlive its run'
    draft.refuse('contradiction', at, why, 'leave out race, or the concurrency of the workflow')
  }
  if (forEach?.limit !== undefined) {
    const why = 'the limit of its forEach counts one attempt of an item, and two would run at once'
    draft.refuse('contradiction', at, why, 'leave out race, or limit')
  }
  if (where.hosts.length === 1) {
    const why = 'it may run on one host only, and the second attempt takes another one'
    draft.refuse('contradiction', at, why, 'leave out race, or name more hosts')
  }
}

function checkVariables(draft: Draft, stage: Stage, path: Path): void {
  for (const name of Object.keys(stage.secrets)) {
    if (!Object.hasOwn(stage.env, name)) continue
    draft.refuse(
      'contradiction',
      [...path, 'env', name],
      `${name} is a secret and a variable of env`,
    )
  }
}

function checkSecretFiles(draft: Draft, { step, secrets }: Stage, path: Path): void {
  const doneByAgent = opensNoFile(step)
  if (doneByAgent === undefined) return
  for (const [variable, { as }] of Object.entries(secrets)) {
    if (as !== 'file') continue
    const why = `${doneByAgent} is done by the agent itself, and opens no file`
    const hint =
      step.kind === 'http'
        ? `send the request from a script: run: curl --cert "$${variable}" …`
        : 'files are for run, container and functions of modules'
    draft.refuse('contradiction', [...path, 'secrets', variable, 'as'], why, hint)
  }
}

/** As the agent that takes files in would find them, after all of the work was done. */
function checkPatterns(draft: Draft, stage: Stage, path: Path): void {
  for (const [i, pattern] of stage.artifacts.entries()) {
    const compiled = Globs.compile([pattern])
    if (compiled instanceof Globs) continue
    const what = `${JSON.stringify(pattern)} is no pattern of files`
    draft.refuse('badValue', [...path, 'artifacts', i], `${what}: ${compiled.why}`)
  }
}

function filesMentioned(draft: Draft, stage: Stage, path: Path): Mention[] {
  return stage.artifactsFrom.flatMap((name, i) => {
    const at = [...path, 'artifactsFrom', i]
    const other = knownStage(draft, name, at)
    if (other === undefined) return []
    if (other.artifacts.length === 0 && !draft.keysAt(stagePath(other)).includes('artifacts')) {
      draft.refuse('badNeed', at, `${name} hands on no files`, `give it artifacts: [dist/**]`)
    }
    return [{ by: stage, of: name, path: at, what: `files of ${name} are asked for` }]
  })
}
