/**
 * A step with its values in, ready to be done: nothing is left to evaluate. What the leader does
 * itself (`wait`, `choose`, `approve`, `await`, `workflow`, `signal`) is no step of an agent.
 */
import {
  field,
  type Infer,
  map,
  message,
  optional,
  repeated,
  text,
  uint,
  union,
} from '../wire/schema.ts'
import type { Shell } from '../workflow/model.ts'
import { workLimits as limits } from './limits.ts'

/** A shell's script. Values are in `variables` only, which the text refers to. */
export const ScriptStep = message('ScriptStep', {
  shell: field(1, text<Shell>(16)),
  text: field(2, text(limits.scriptBytesMax)),
  variables: map(
    3,
    text(limits.variableNameBytesMax),
    text(limits.variableBytesMax),
    limits.variablesMax,
  ),
})
export type ScriptStep = Infer<typeof ScriptStep>

/** A program and its arguments, with no shell in between. */
export const ProgramStep = message('ProgramStep', {
  argv: repeated(1, text(limits.variableBytesMax), limits.argumentsMax),
})
export type ProgramStep = Infer<typeof ProgramStep>

export const HttpStep = message('HttpStep', {
  url: field(1, text(limits.urlBytesMax)),
  method: field(2, text(16)),
  headers: map(3, text(limits.headerBytesMax), text(limits.headerBytesMax), limits.headersMax),
  /** Sent as it is. */
  body: optional(4, text(limits.httpBodyBytesMax)),
  /** Statuses that are a success; none for 200 to 299. Any other is a failure. */
  expect: repeated(5, uint(), limits.statusesMax),
})
export type HttpStep = Infer<typeof HttpStep>

/** Called with what the stage's `with` says; what it returns are the outputs. */
export const FunctionStep = message('FunctionStep', {
  /** A path on the agent's host, or `skein:NAME` for what every agent brings along. */
  module: field(1, text(limits.pathBytesMax)),
  export: field(2, text(limits.variableNameBytesMax)),
})
export type FunctionStep = Infer<typeof FunctionStep>

export const ContainerStep = message('ContainerStep', {
  image: field(1, text(limits.pathBytesMax)),
  command: repeated(2, text(limits.variableBytesMax), limits.argumentsMax),
  pull: field(3, text<'always' | 'missing' | 'never'>(16)),
  network: field(4, text<'none' | 'host' | 'bridge'>(16)),
})
export type ContainerStep = Infer<typeof ContainerStep>

/**
 * Whether an engine of containers may be given it as the name of an image. What it would take for one
 * of its options is none, wherever it has come from.
 */
export function isImageName(text: string): boolean {
  return /^[A-Za-z0-9][\w.:/@+-]*$/.test(text)
}

/** `run` in the language is `script` or `program` here. */
export const AttemptStep = union('AttemptStep', {
  script: [1, ScriptStep],
  program: [2, ProgramStep],
  http: [3, HttpStep],
  function: [4, FunctionStep],
  container: [5, ContainerStep],
})
export type AttemptStep = Infer<typeof AttemptStep>
export type AttemptStepKind = AttemptStep['kind']
