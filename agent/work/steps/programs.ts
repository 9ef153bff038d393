/** Scripts and programs: each in a cell of its own, in a directory of its own unless it names one. */
import { assert } from '../../../protocol/assert.ts'
import type { Cell, CellLimits, CellSandbox, Cells } from '../../../protocol/ports/cells.ts'
import type { Clock } from '../../../protocol/ports/clock.ts'
import { StartError, type StartErrorCode } from '../../../protocol/ports/processes.ts'
import { type Workspace, WorkspaceError } from '../../../protocol/ports/workspace.ts'
import type { Assignment } from '../../../protocol/work/attempt.ts'
import { workLimits } from '../../../protocol/work/limits.ts'
import type { ErrorClass } from '../../../protocol/workflow/model.ts'
import type { SandboxRule } from '../limits.ts'
import { CellStep } from './cell-step.ts'
import { environmentOf } from './environment.ts'
import {
  OUTPUT_FILE,
  PROGRESS_FILE,
  type RunningStep,
  SCRIPT_FILE,
  type StepExecutor,
  StepFailure,
  type StepOrder,
} from './executor.ts'

export interface ProgramPorts {
  clock: Clock
  cells: Cells
  workspace: Workspace
}

type CellKind = 'script' | 'program'

export class Programs implements StepExecutor {
  readonly kind: CellKind
  readonly #ports: ProgramPorts
  readonly #base: Readonly<Record<string, string>>
  readonly #rule: () => SandboxRule

  /** `rule`: as it is now, whether they run in a sandbox; without, those that ask for it. */
  constructor(
    kind: CellKind,
    ports: ProgramPorts,
    base: Readonly<Record<string, string>>,
    rule: () => SandboxRule = () => 'auto',
  ) {
    this.kind = kind
    this.#ports = ports
    this.#base = base
    this.#rule = rule
  }

  check({ step, directory, sandbox }: Assignment): string | undefined {
    const missing = this.#missing()
    if (sandbox && missing !== undefined)
      return `the stage asks for a sandbox, and has none here: ${missing}`
    if (this.#rule() === 'always' && missing !== undefined)
      return `stages are always to run in a sandbox (work.sandbox), and have none here: ${missing}`
    if (step.kind === 'program' && step.value.argv.length === 0) return 'the step names no program'
    if (directory !== undefined && !directory.startsWith('/')) {
      return `the directory ${directory} is not absolute; write it from / on`
    }
    return undefined
  }

  /** Why there is no sandbox for anybody. */
  #missing(): string | undefined {
    if (this.#rule() === 'none') return 'work.sandbox is none'
    const rule = this.#ports.cells.rules().find(({ name }) => name === 'sandbox')
    return rule === undefined ? 'it knows of none' : rule.missing
  }

  async start(order: StepOrder): Promise<RunningStep> {
    const { name, assignment } = order
    const { workspace, cells } = this.#ports
    const own = await prepared(workspace, name)
    const directory = assignment.directory ?? own
    try {
      await order.files.bringIn(directory)
      const folder = await order.secretFiles.put('program')
      const cell = await started(cells, order, {
        argv: await argvOf(assignment, name, workspace),
        cwd: directory,
        env: {
          ...environmentOf(this.#base, order),
          ...order.secretFiles.variablesIn(folder),
          ...directoryIn(order, directory),
          SKEIN_OUTPUT: `${own}/${OUTPUT_FILE}`,
          SKEIN_PROGRESS: `${own}/${PROGRESS_FILE}`,
        },
        limits: limitsOf(assignment),
        ...(assignment.sandbox || this.#rule() === 'always'
          ? sandboxOf(own, directory, folder)
          : {}),
      })
      return new CellStep(this.#ports, order, cell, { directory })
    } catch (error) {
      await workspace.discard(name)
      throw error
    }
  }

  async find(order: StepOrder, trace: string | undefined): Promise<RunningStep | undefined> {
    const cell = await this.#ports.cells.find(order.name, trace, (_, chunk) =>
      order.onOutput(chunk),
    )
    const directory = order.assignment.directory ?? this.#ports.workspace.path(order.name)
    return cell && new CellStep(this.#ports, order, cell, { directory, found: true })
  }
}

/** Where files of other stages are, and those that it hands on are looked for. */
export function directoryIn({ files }: StepOrder, directory: string): Record<string, string> {
  return files.isAny ? { SKEIN_ARTIFACTS: directory } : {}
}

export interface CellProgram {
  argv: readonly [string, ...string[]]
  cwd: string
  env: Readonly<Record<string, string>>
  limits: CellLimits
  mayGainPrivileges?: true
  sandbox?: CellSandbox
}

function sandboxOf(
  own: string,
  directory: string,
  secrets: string | undefined,
): { sandbox: CellSandbox } {
  const readable = secrets === undefined ? [] : [secrets]
  return { sandbox: { own, readable, ...(own === directory ? {} : { directory }) } }
}

export async function started(
  cells: Cells,
  { name, onOutput }: StepOrder,
  program: CellProgram,
): Promise<Cell> {
  try {
    return await cells.start({ name, ...program, keepsExit: true }, (_, chunk) => onOutput(chunk))
  } catch (error) {
    if (!(error instanceof StartError)) throw error
    throw new StepFailure(startClasses[error.code], error.code, error.message, error)
  }
}

/** Its path. */
export async function prepared(workspace: Workspace, name: string): Promise<string> {
  try {
    await workspace.prepare(name)
    return workspace.path(name)
  } catch (error) {
    if (!(error instanceof WorkspaceError)) throw error
    const errorClass = error.code === 'full' ? 'resource' : 'transient'
    const message = `its directory cannot be made: ${error.message}`
    throw new StepFailure(errorClass, 'directory', message, error)
  }
}

async function argvOf(
  { step }: Assignment,
  name: string,
  workspace: Workspace,
): Promise<readonly [string, ...string[]]> {
  assert(step.kind === 'script' || step.kind === 'program', 'a program is asked for')
  if (step.kind === 'program') {
    const [program = '', ...args] = step.value.argv
    return [program, ...args]
  }
  const { shell, text } = step.value
  const bytes = new TextEncoder().encode(text)
  if (bytes.length < workLimits.variableBytesMax) return [shell, '-c', text]
  // Longer than one argument of a program may be.
  await workspace.file(name, SCRIPT_FILE).write(bytes)
  return [shell, `${workspace.path(name)}/${SCRIPT_FILE}`]
}

function limitsOf({ resources: { cpu, memoryBytes } }: Assignment): CellLimits {
  return {
    ...(cpu === undefined ? {} : { cpuCores: cpu }),
    ...(memoryBytes === undefined ? {} : { memoryBytes }),
  }
}

const startClasses: Readonly<Record<StartErrorCode, ErrorClass>> = {
  notFound: 'input',
  notExecutable: 'input',
  badDirectory: 'input',
  limit: 'resource',
  failed: 'transient',
}
