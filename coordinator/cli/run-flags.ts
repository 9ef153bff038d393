/** What may be said with `run` and its kin, and what comes of it. */
import { parse } from 'node:path'
import { exitCodes } from '../../protocol/exit-codes.ts'
import { Problem } from '../../protocol/problem.ts'
import { inputsFromTexts } from '../../protocol/workflow/inputs.ts'
import type { Workflow } from '../../protocol/workflow/model.ts'
import { fileBytes } from './file-bytes.ts'
import { wrongUse } from './usage.ts'

export interface StartFlags {
  input?: string[]
  inputs?: string
  detach?: true
  /** False: `--no-wait`. */
  wait: boolean
}

export interface RunFlags extends StartFlags {
  published?: true
  label?: string[]
  key?: string
  priority?: string
  plan?: string
}

export interface RetryFlags extends StartFlags {
  from?: string[]
  only?: string[]
  failed?: true
}

export interface ShowFlags {
  stage?: string
}

const INPUTS_BYTES_MAX = 1024 * 1024

/** `key=value` pairs, as they were given to `flag`. */
export function pairs(flag: string, given: readonly string[] | undefined): Record<string, string> {
  const found: Record<string, string> = {}
  for (const pair of given ?? []) {
    const at = pair.indexOf('=')
    if (at <= 0) throw wrongUse(`${flag} ${pair} has no value`, `write ${flag} name=value`)
    found[pair.slice(0, at)] = pair.slice(at + 1)
  }
  return found
}

/**
 * Values of inputs: those of the file, and before them those of the command line, each as what the
 * workflow says that it is.
 */
export async function inputsFrom(
  { input, inputs }: StartFlags,
  workflow: Pick<Workflow, 'inputs'>,
): Promise<Record<string, unknown>> {
  const values = inputs === undefined ? {} : await fromFile(inputs)
  return { ...values, ...inputsFromTexts(workflow, pairs('-i', input)) }
}

/** The same where the workflow is in the mesh, and only an agent can say what each is. */
export async function inputsUnread({
  input,
  inputs,
}: StartFlags): Promise<{ inputs: Record<string, unknown>; texts?: Record<string, string> }> {
  return {
    inputs: inputs === undefined ? {} : await fromFile(inputs),
    ...(input === undefined ? {} : { texts: pairs('-i', input) }),
  }
}

async function fromFile(file: string): Promise<Record<string, unknown>> {
  const fix = 'name a JSON file with one object, or - for stdin'
  const bytes = await fileBytes(file, { bytesMax: INPUTS_BYTES_MAX, fix })
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (error) {
    throw notAnObject(`${parse(file).base} is no JSON: ${(error as Error).message}`, fix)
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as Record<string, unknown>
  }
  throw notAnObject(`${parse(file).base} holds no object`, fix)
}

function notAnObject(why: string, fix: string): Problem {
  return new Problem({ code: 'usage', why, fix, exitCode: exitCodes.usage })
}
