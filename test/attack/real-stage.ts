/** A stage of a workflow as a real program on this host: from its text and its inputs to its end. */
import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { TestContext } from 'node:test'
import { SystemCells } from '../../agent/ports/cells/cells.ts'
import { SystemClock } from '../../agent/ports/clock.ts'
import { SystemWorkspace } from '../../agent/ports/workspace.ts'
import type { StepEnd } from '../../agent/work/steps/executor.ts'
import { type ProgramPorts, Programs } from '../../agent/work/steps/programs.ts'
import type { Assignment } from '../../protocol/work/attempt.ts'
import type { Json } from '../../protocol/workflow/shape/shape.ts'
import { temporaryDirectory } from '../ports/temporary-directory.ts'
import { host, Mesh, succeeds } from '../scheduler/mesh.ts'

export interface Ran {
  end: StepEnd
  /** All that it has written. */
  text: string
  /** Its progress, as it was looked at before its end. */
  said: unknown
}

/** What the leader sends, by stage; why the run has failed where it sends nothing. */
export function assignmentsOf(
  text: string,
  inputs: Readonly<Record<string, Json>>,
): Map<string, Assignment> {
  const found = new Map<string, Assignment>()
  const mesh = new Mesh({
    hosts: [host('a', { features: ['container'] })],
    onAssign: (assignment) => found.set(assignment.id.stage, assignment),
    fates: () => succeeds({}),
  })
  mesh.start(text, inputs)
  mesh.run()
  return found
}

export class StageHost {
  readonly directory: string
  readonly workspace: SystemWorkspace
  readonly #clock = new SystemClock()
  readonly #cells: SystemCells
  #count = 0

  constructor(t: TestContext) {
    this.directory = temporaryDirectory(t)
    const cells = join(this.directory, 'cells')
    mkdirSync(cells)
    this.#cells = new SystemCells(cells, basename(this.directory))
    this.workspace = new SystemWorkspace(join(this.directory, 'work'))
    t.after(async () => {
      this.#cells.sweep(new Set(), await this.#cells.inhabited())
      await this.#cells.close()
      this.#clock.close()
    })
  }

  /** Where that attempt's own directory will be. */
  get nextDirectory(): string {
    return this.workspace.path(`a${this.#count + 1}`)
  }

  get ports(): ProgramPorts {
    return { clock: this.#clock, cells: this.#cells, workspace: this.workspace }
  }

  async run(assignment: Assignment, whileRunning?: () => Promise<void>): Promise<Ran> {
    const { step } = assignment
    assert.ok(step.kind === 'script' || step.kind === 'program')
    const base = { PATH: process.env.PATH ?? '', HOME: this.directory }
    const programs = new Programs(step.kind, this.ports, base)
    assert.equal(programs.check(assignment), undefined)
    const chunks: Uint8Array[] = []
    const running = await programs.start({
      name: `a${++this.#count}`,
      assignment,
      secrets: {},
      secretFiles: { put: () => Promise.resolve(undefined), variablesIn: () => ({}) },
      onOutput: (chunk) => void chunks.push(chunk.slice()),
      onNote: () => {},
      files: { isAny: false, bringIn: async () => {}, handOn: async (_, end) => end },
    })
    await whileRunning?.()
    const said = whileRunning && (await running.look())
    const end = await running.ended()
    await running.cleanUp?.()
    return { end, text: Buffer.concat(chunks).toString(), said }
  }
}
