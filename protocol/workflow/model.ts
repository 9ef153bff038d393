/**
 * A workflow that has been read and found right: immutable, and impossible to make but by `parse`.
 * Defaults are filled in, short forms are written out, durations are milliseconds and sizes bytes.
 *
 * All of it stands in one file, long as it is: it is the table that everybody looks things up in.
 */
import type { Expr } from './expressions/ast.ts'
import type { Template } from './expressions/template.ts'
import type { Json } from './shape/shape.ts'
import type { JsonTemplate } from './shape/templates.ts'

declare const parsed: unique symbol

export interface Workflow {
  readonly [parsed]: true
  readonly name: string
  readonly description?: string
  readonly labels: Readonly<Record<string, string>>
  readonly inputs: Readonly<Record<string, Input>>
  readonly outputs: Readonly<Record<string, Output>>
  /** For every stage, before its own. */
  readonly env: Readonly<Record<string, Template>>
  /** By variable, for every stage. */
  readonly secrets: Readonly<Record<string, SecretUse>>
  readonly concurrency?: Concurrency
  readonly priority: number
  /** From the start of the run; it orders, and refuses nothing. */
  readonly deadlineMs?: number
  /** From the start of the run; the run is cancelled then. */
  readonly timeoutMs?: number
  /** In the order of the file. */
  readonly stages: readonly Stage[]
}

export const inputTypes = ['string', 'number', 'integer', 'boolean', 'list', 'object'] as const
export type InputType = (typeof inputTypes)[number]

export interface Input {
  readonly type: InputType
  readonly description?: string
  /** Without a default: the run cannot start without it. */
  readonly required: boolean
  readonly default?: Json
  readonly enum?: readonly Json[]
  /** Of a string, in RE2's syntax; anywhere in it. */
  readonly pattern?: string
  /** Of a number its size, of a string its length, of a list its elements. */
  readonly min?: number
  readonly max?: number
  /** Shown neither with a run nor in mistakes. */
  readonly secret: boolean
}

export interface Output {
  readonly description?: string
  readonly value: JsonTemplate
}

export const secretForms = ['variable', 'file'] as const

/** A secret that a stage is given. */
export interface SecretUse {
  /** As the mesh knows it. */
  readonly name: string
  /** What its variable holds: the secret, or the path of a file with it. */
  readonly as: (typeof secretForms)[number]
}

/** Where a stage stands in the file. */
export const sections = ['stages', 'onFailure', 'finally'] as const
export type Section = (typeof sections)[number]

/** `ordinary` stages start by themselves; the others are called by the stage that names them. */
export type Role = 'ordinary' | 'compensation' | 'fallback'

export interface Stage {
  readonly name: string
  readonly section: Section
  readonly role: Role
  readonly description?: string
  readonly labels: Readonly<Record<string, string>>
  readonly step: Step
  /** Asked for before the step starts. For the step kind `approve`, the step itself. */
  readonly approve?: Approve
  /** Sent when the stage has succeeded. For the step kind `signal`, the step itself. */
  readonly signal?: Signal
  /** Those that must be done before. Branches need the stage that chooses them. */
  readonly needs: readonly string[]
  readonly if?: Expr
  readonly forEach?: ForEach
  readonly retry: Retry
  readonly timeouts: Timeouts
  readonly where: Placement
  readonly resources: Resources
  readonly priority?: number
  /** From the start of the run. */
  readonly deadlineMs?: number
  readonly concurrency?: Concurrency
  /** The stage that undoes this one when the run fails later. */
  readonly compensate?: string
  /** The stage that runs in this one's place when it has failed for good. */
  readonly fallback?: string
  /** Its failure is no failure of the run. */
  readonly optional: boolean
  readonly onLost: 'retry' | 'fail'
  /**
   * A second attempt may run at the same time on another host, when the first takes far longer than
   * such work does; the first to succeed counts.
   */
  readonly race: boolean
  /** Outputs and artifacts are kept for a retry from here. */
  readonly checkpoint: boolean
  /** It runs in a sandbox, or not at all. */
  readonly sandbox: boolean
  readonly artifacts: readonly string[]
  readonly artifactsFrom: readonly string[]
  readonly env: Readonly<Record<string, Template>>
  /** By variable. */
  readonly secrets: Readonly<Record<string, SecretUse>>
  readonly directory?: Template
  readonly with: Readonly<Record<string, JsonTemplate>>
}

export const stepKinds = [
  'run',
  'http',
  'function',
  'container',
  'wait',
  'choose',
  'workflow',
  'approve',
  'await',
  'signal',
  'runbook',
  'framework',
  'gate',
] as const
export type StepKind = (typeof stepKinds)[number]

export type Step =
  | { readonly kind: 'run'; readonly script: Script }
  | { readonly kind: 'run'; readonly argv: readonly Template[] }
  | ({ readonly kind: 'http' } & Http)
  | ({ readonly kind: 'function' } & FunctionCall)
  | ({ readonly kind: 'container' } & Container)
  | { readonly kind: 'wait'; readonly for: number | Expr }
  | { readonly kind: 'wait'; readonly until: Expr }
  | {
      readonly kind: 'choose'
      readonly cases: readonly Case[]
      readonly otherwise?: readonly string[]
    }
  | ({ readonly kind: 'workflow' } & Subflow)
  | { readonly kind: 'approve' }
  | { readonly kind: 'signal' }
  | ({ readonly kind: 'await' } & Await)
  | { readonly kind: 'runbook'; readonly name: Template }
  | { readonly kind: 'framework'; readonly name: Template }
  | { readonly kind: 'gate'; readonly name: Template }

export const shells = ['sh', 'bash', 'dash', 'ksh', 'zsh'] as const
export type Shell = (typeof shells)[number]

/**
 * Values never become part of the script: the executor puts each into a variable of the environment
 * and a reference to it in the value's place.
 */
export interface Script {
  readonly shell: Shell
  readonly parts: readonly ScriptPart[]
}

export type ScriptPart =
  | string
  /** `bare`: outside quotes, so the reference brings its own. `quoted`: inside double quotes. */
  | { readonly expr: Expr; readonly within: 'bare' | 'quoted' }

export const httpMethods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const

export interface Http {
  readonly url: Template
  readonly method: (typeof httpMethods)[number]
  readonly headers: Readonly<Record<string, Template>>
  readonly body?: JsonTemplate
  /** Statuses that are a success; none for 200 to 299. Any other is a failure. */
  readonly expect: readonly number[]
}

export interface FunctionCall {
  readonly module: Template
  readonly export: string
}

export interface Container {
  readonly image: Template
  readonly command: readonly Template[]
  readonly pull: 'always' | 'missing' | 'never'
  readonly network: 'none' | 'host' | 'bridge'
}

export interface Case {
  readonly when: Expr
  readonly then: readonly string[]
}

export interface Subflow {
  readonly name: Template
  /** False: the stage is done when the subflow has been started. */
  readonly wait: boolean
}

export interface Approve {
  readonly roles: readonly string[]
  /** Names of people; empty for anybody with one of the roles. */
  readonly from: readonly string[]
  /** How many of them. */
  readonly count: number
  /** Then it is denied. */
  readonly timeoutMs: number
  readonly message?: Template
}

export interface Signal {
  readonly event: Template
  readonly key?: Template
  readonly data?: JsonTemplate
}

export interface Await {
  readonly event: Template
  /** Only an event with the same key counts. */
  readonly key?: Template
  /** Then the stage fails. */
  readonly timeoutMs?: number
}

export interface ForEach {
  readonly items: readonly JsonTemplate[] | Expr
  /** How many at once; absent for as many as find room. */
  readonly limit?: number
  readonly onFailure: FailureRule
}

/** `failFast` cancels the rest; `continue` runs all, and fails if one has; `quorum` needs so many. */
export type FailureRule =
  | { readonly rule: 'failFast' }
  | { readonly rule: 'continue' }
  | { readonly rule: 'quorum'; readonly count: number }

export const errorClasses = ['transient', 'resource', 'input', 'bug', 'lost'] as const
export type ErrorClass = (typeof errorClasses)[number]

export interface RetryRule {
  /** The first try included. */
  readonly attempts: number
  readonly backoff: 'exponential' | 'constant'
  readonly initialMs: number
  readonly maxMs: number
  /** `full`: anything from nothing to the whole delay. */
  readonly jitter: 'full' | 'none'
}

export interface Retry extends RetryRule {
  /** What is different for a class of errors. See `retryRule`. */
  readonly per: Readonly<Partial<Record<ErrorClass, Partial<RetryRule>>>>
}

export interface Timeouts {
  /** From ready to accepted by an agent. */
  readonly queueMs?: number
  /** One attempt, from its start to its end. */
  readonly startToCloseMs?: number
  /** All attempts and the waits between them. */
  readonly totalMs?: number
  /** Between two signs of progress. */
  readonly heartbeatMs?: number
}

export interface LabelRule {
  /** One of these values; absent for any. */
  readonly in?: readonly Template[]
  readonly notIn?: readonly Template[]
  readonly exists?: boolean
}

export interface Company {
  readonly stages: readonly string[]
  /** Otherwise it is a wish. */
  readonly required: boolean
}

export interface Placement {
  readonly labels: Readonly<Record<string, LabelRule>>
  /** One of these hosts, by name or id. */
  readonly hosts: readonly Template[]
  /** Of a node: `node.labels.zone`, `node.cpu`, `node.memory`, … */
  readonly expression?: Expr
  /** On the host of these stages. */
  readonly affinity?: Company
  /** On another host than these. */
  readonly antiAffinity?: Company
  /** Labels that are wished for. */
  readonly prefer: Readonly<Record<string, Template>>
  /** A label, or `host`, over whose values the items of a forEach are spread evenly. */
  readonly spread?: string
}

export interface Resources {
  /** Cores. */
  readonly cpu?: number
  readonly memoryBytes?: number
  readonly diskBytes?: number
  readonly custom: Readonly<Record<string, number>>
}

export interface Concurrency {
  /** Those with the same key share the limit. */
  readonly key: Template
  readonly limit: number
  readonly policy: ConcurrencyPolicy
}

export const concurrencyPolicies = ['queue', 'cancelRunning', 'cancelNewest', 'roundRobin'] as const
export type ConcurrencyPolicy = (typeof concurrencyPolicies)[number]
