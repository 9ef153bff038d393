/** Whether a stage has exactly one step, and no keys that mean nothing beside it. */
import { nearest } from '../../nearest.ts'
import { startOf } from '../expressions/ast.ts'
import { readScript } from '../language/script.ts'
import { stageSynonyms, type WrittenStage, workKinds } from '../language/stage.ts'
import { keysWithUses, kindsFor } from '../language/uses.ts'
import { type Path, quote } from '../mistake.ts'
import { type Section, type StepKind, sections } from '../model.ts'
import { offsetInFile } from '../source/position.ts'
import type { Draft } from './draft.ts'

export function checkSteps(draft: Draft): void {
  for (const section of sections) {
    for (const [name, stage] of Object.entries(draft.written[section] ?? {})) {
      checkStep(draft, section, name, stage)
    }
  }
}

function checkStep(draft: Draft, section: Section, name: string, stage: WrittenStage): void {
  const path = [section, name]
  const keys = draft.keysAt(path)
  const kinds = workKinds.filter((kind) => keys.includes(kind))
  const [kind, second] = kinds
  if (second !== undefined) {
    const why = `a stage has one step, and this has ${kinds.join(' and ')}`
    draft.refuse(
      'stepKind',
      [...path, second],
      why,
      'make a stage of each, and let one need the other',
    )
    return
  }
  if (kind === undefined && !keys.includes('approve') && !keys.includes('signal')) {
    const all = [...workKinds, 'approve', 'signal']
    const meant = keys.find(
      (key) => nearest(key, all) !== undefined || key.toLowerCase() in stageSynonyms,
    )
    // A misspelt key has been told already, with what was meant.
    const isTold = meant !== undefined && !all.includes(meant) && !knownKeys.has(meant)
    if (!isTold)
      draft.refuse('stepKind', path, `${name} does nothing`, `add one of ${all.join(', ')}`)
    return
  }
  const step: StepKind = kind ?? (keys.includes('approve') ? 'approve' : 'signal')
  for (const key of keys) {
    const kindsOfKey = kindsFor(key)
    if (kindsOfKey === undefined || kindsOfKey.includes(step)) continue
    const why = `${key} means nothing beside ${step}`
    draft.refuse('meaningless', [...path, key], why, `it is for ${kindsOfKey.join(', ')}`)
  }
  if (stage.run) checkRun(draft, path, stage, keys)
  if (stage.wait) checkWait(draft, path, stage)
  if (stage.http?.body && (stage.http.method === 'GET' || stage.http.method === 'HEAD')) {
    const why = `${stage.http.method} sends no body`
    draft.refuse('contradiction', [...path, 'http', 'body'], why, 'write method: POST')
  }
  const [module] = stage.function?.module ?? []
  if (typeof module === 'string' && !/^(\/|skein:)/.test(module)) {
    const why = `the module ${quote(module)} is no absolute path, and no host knows where it is`
    const whole = [...path, 'function']
    const place = draft.keysAt(whole).includes('module') ? [...whole, 'module'] : whole
    draft.refuse('badValue', place, why, 'write it from / on, or skein:NAME')
  }
  const { approve } = stage
  if (approve && approve.from.length > 0 && approve.count > approve.from.length) {
    const why = `${approve.count} must agree, and only ${approve.from.length} may`
    draft.refuse('contradiction', [...path, 'approve', 'count'], why)
  }
}

const knownKeys: ReadonlySet<string> = new Set([
  ...workKinds,
  ...keysWithUses,
  ...[
    'approve',
    'signal',
    'description',
    'labels',
    'needs',
    'if',
    'forEach',
    'timeout',
    'priority',
  ],
  ...['deadline', 'concurrency', 'compensate', 'fallback', 'optional', 'checkpoint'],
])

function checkRun(draft: Draft, path: Path, { run }: WrittenStage, keys: readonly string[]): void {
  if (run === undefined) return
  if ('argv' in run) {
    if (!keys.includes('shell')) return
    const why = 'a list is a program and its arguments, and no shell reads it'
    draft.refuse('meaningless', [...path, 'shell'], why, 'write the script as one text')
    return
  }
  const read = readScript(run.script)
  if (read.ok) return
  const at = () => {
    const site = draft.sites.find(({ expr }) => expr === read.expr)
    return site ? offsetInFile(site.scalar, startOf(read.expr), draft.text) : 0
  }
  draft.mistakes.add('badScript', at, [...path, 'run'], read.why, read.hint)
}

function checkWait(draft: Draft, path: Path, { wait }: WrittenStage): void {
  const keys = draft.keysAt([...path, 'wait'])
  const both = keys.includes('for') && keys.includes('until')
  const told = keys.includes('for') || keys.includes('until')
  const neither = !told && wait?.for === undefined && wait?.until === undefined
  if (!both && !neither) return
  const why = both ? 'wait is for a time or until one, not both' : 'wait has neither for nor until'
  draft.refuse('contradiction', [...path, 'wait'], why, 'write wait: 30s')
}
