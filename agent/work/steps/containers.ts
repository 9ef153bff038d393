/**
 * Containers, by podman or docker. The engine's program runs in the attempt's cell and stands for
 * the container: what it hears, the container hears. A container is nobody's child, though, so one
 * whose program has died is removed by name.
 */
import { createHash } from 'node:crypto'
import { assert } from '../../../protocol/assert.ts'
import type { CellExit } from '../../../protocol/ports/cells.ts'
import { StartError } from '../../../protocol/ports/processes.ts'
import type { Assignment } from '../../../protocol/work/attempt.ts'
import { type ContainerStep, isImageName } from '../../../protocol/work/step.ts'
import { CellStep, type StandIn } from './cell-step.ts'
import { environmentOf } from './environment.ts'
import {
  OUTPUT_FILE,
  PROGRESS_FILE,
  type RunningStep,
  type StepEnd,
  type StepExecutor,
  type StepOrder,
} from './executor.ts'
import { directoryIn, type ProgramPorts, prepared, started } from './programs.ts'

/** Where the attempt's directory is, seen from inside. */
const INSIDE = '/skein'
/** And its secrets as files, which lie beside it and not in it. */
const SECRETS_INSIDE = '/skein-secrets'
/** What the engines exit with when it is they who failed, and not the program. */
const ENGINE_FAILED = 125

/** The cell of the program that removes an attempt's container. */
export function removerOf(name: string): string {
  return `${name}.rm`
}

export class Containers implements StepExecutor {
  readonly kind = 'container'
  readonly #ports: ProgramPorts
  readonly #engine: string | undefined
  readonly #base: Readonly<Record<string, string>>

  constructor(
    ports: ProgramPorts,
    engine: string | undefined,
    base: Readonly<Record<string, string>>,
  ) {
    this.#ports = ports
    this.#engine = engine
    this.#base = base
  }

  check(assignment: Assignment): string | undefined {
    if (this.#engine === undefined) {
      return 'this host has neither podman nor docker; install one, or look at work.containerEngine'
    }
    const { image } = stepOf(assignment)
    if (isImageName(image)) return undefined
    return `${JSON.stringify(image)} is no name of an image, and goes to no engine`
  }

  async start(order: StepOrder): Promise<RunningStep> {
    const { name } = order
    const own = await prepared(this.#ports.workspace, name)
    try {
      await order.files.bringIn(own)
      const folder = await order.secretFiles.put('container')
      const argv = this.#argv(order, own, folder)
      const cell = await started(this.#ports.cells, order, {
        argv: [this.#engine ?? '', ...argv],
        cwd: own,
        env: { ...this.#base, ...order.secrets },
        limits: {},
        mayGainPrivileges: true,
      })
      return new CellStep(this.#ports, order, cell, {
        directory: own,
        standIn: this.#standIn(name),
      })
    } catch (error) {
      await this.#ports.workspace.discard(name)
      throw error
    }
  }

  #argv(order: StepOrder, own: string, folder: string | undefined): string[] {
    const { name, assignment, secrets, secretFiles } = order
    const inside = {
      ...this.#environment(order),
      ...secretFiles.variablesIn(folder === undefined ? undefined : SECRETS_INSIDE),
    }
    return [
      ...['run', '--rm', '--name', this.#container(name)],
      ...optionsOf(assignment),
      ...['--volume', `${own}:${INSIDE}`],
      ...(folder === undefined ? [] : ['--volume', `${folder}:${SECRETS_INSIDE}:ro`]),
      ...Object.entries(inside).flatMap(([variable, value]) => ['--env', `${variable}=${value}`]),
      // Their values are read from the environment of the engine’s program: arguments are for all to see.
      ...Object.keys(secrets).flatMap((variable) => ['--env', variable]),
      stepOf(assignment).image,
      ...stepOf(assignment).command,
    ]
  }

  async find(order: StepOrder, trace: string | undefined): Promise<RunningStep | undefined> {
    const { cells } = this.#ports
    const cell = await cells.find(order.name, trace, (_, chunk) => order.onOutput(chunk))
    const standIn = this.#standIn(order.name)
    const directory = this.#ports.workspace.path(order.name)
    if (cell) return new CellStep(this.#ports, order, cell, { directory, found: true, standIn })
    await this.#remove(order.name)
    return undefined
  }

  #standIn(name: string): StandIn {
    return {
      remove: () => this.#remove(name),
      failure: (exit: CellExit) => engineFailure(exit, this.#engine ?? ''),
    }
  }

  #environment(order: StepOrder): Record<string, string> {
    return {
      ...environmentOf({}, { assignment: order.assignment, secrets: {} }),
      ...directoryIn(order, INSIDE),
      SKEIN_OUTPUT: `${INSIDE}/${OUTPUT_FILE}`,
      SKEIN_PROGRESS: `${INSIDE}/${PROGRESS_FILE}`,
    }
  }

  /** All agents of a host share the engine's names, and each has its own directories. */
  #container(name: string): string {
    const path = this.#ports.workspace.path(name)
    return `skein-${createHash('sha256').update(path).digest('hex').slice(0, 16)}`
  }

  async #remove(name: string): Promise<void> {
    const { cells } = this.#ports
    try {
      const remover = await cells.start(
        {
          name: removerOf(name),
          argv: [this.#engine ?? '', 'rm', '--force', this.#container(name)],
          cwd: '/',
          env: this.#base,
          limits: {},
          mayGainPrivileges: true,
          keepsExit: false,
        },
        () => {},
      )
      await remover.exited()
      remover.close()
    } catch (error) {
      // An engine that is gone has no containers.
      if (!(error instanceof StartError)) throw error
    }
  }
}

function optionsOf(assignment: Assignment): string[] {
  const { pull, network } = stepOf(assignment)
  const { cpu, memoryBytes } = assignment.resources
  return [
    ...['--pull', pull, '--network', network],
    ...(cpu === undefined ? [] : ['--cpus', String(cpu)]),
    ...(memoryBytes === undefined ? [] : ['--memory', String(memoryBytes)]),
    ...(assignment.directory === undefined ? [] : ['--workdir', assignment.directory]),
  ]
}

function engineFailure(exit: CellExit, engine: string): StepEnd | undefined {
  if (exit.kind !== 'exited' || exit.code !== ENGINE_FAILED) return undefined
  const message = `${engine} could not run the container; the end of the log says why`
  return { kind: 'failed', errorClass: 'transient', code: 'engine', message, exitCode: exit.code }
}

function stepOf({ step }: Assignment): ContainerStep {
  assert(step.kind === 'container', 'a container is asked for')
  return step.value
}
