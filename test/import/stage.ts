/** What tests of imports share: traces, written by hand or made, and short ways to what comes of them. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type Imported, importWfFormat } from '../../coordinator/importing/import.ts'
import type { ImportOptions } from '../../coordinator/importing/options.ts'
import type { TraceMistake } from '../../models/traces/findings.ts'

/** Four tasks with everything that a trace may say. */
export const surveyFile = fileURLToPath(new URL('./traces/survey.json', import.meta.url))
export const survey: Uint8Array = readFileSync(surveyFile)

const plainly: ImportOptions = {
  work: 'sleep',
  timeScale: 1,
  resources: false,
  labels: false,
  format: 'json',
}

export interface MadeTask {
  id?: unknown
  name?: unknown
  parents?: unknown
  children?: unknown
}

export function traceOf(tasks: unknown, over: object = {}, rest: object = {}): string {
  const workflow = { specification: { tasks }, ...rest }
  return JSON.stringify({ name: 'made', schemaVersion: '1.5', workflow, ...over })
}

export function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

export function imported(trace: Uint8Array | string, over: Partial<ImportOptions> = {}): Imported {
  const bytes = typeof trace === 'string' ? bytesOf(trace) : trace
  const result = importWfFormat(bytes, { ...plainly, ...over })
  assert.ok(result.ok, result.ok ? '' : JSON.stringify(result.mistakes))
  return result
}

/** As `place: why; fix`. */
export function mistakesIn(
  trace: Uint8Array | string,
  over: Partial<ImportOptions> = {},
): { told: string[]; more: number } {
  const bytes = typeof trace === 'string' ? bytesOf(trace) : trace
  const result = importWfFormat(bytes, { ...plainly, ...over })
  assert.ok(!result.ok, 'it should be refused')
  const line = ({ place, why, fix }: TraceMistake) => `${place}: ${why}; ${fix}`
  return { told: result.mistakes.map(line), more: result.more }
}
