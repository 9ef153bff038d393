/** What it takes to start the program of a cell, whoever starts it, and what is then known of it. */
import { accessSync, constants, statSync } from 'node:fs'
import { resolve } from 'node:path'
import type { CellSpec } from '../../../protocol/ports/cells.ts'
import { StartError, type StartErrorCode } from '../../../protocol/ports/processes.ts'
import { errnoOf } from '../errno.ts'
import type { Ended } from './ended.ts'

export interface Launch {
  spec: CellSpec
  /** The environment, with the mark. */
  env: Readonly<Record<string, string>>
  /** Named pipes for its outputs, with a reader. */
  outputs: readonly [string, string]
  groupDirectory: string | undefined
  recordPath: string | undefined
}

export interface Launched {
  /** Of the program, which leads a group of its own. */
  pid: number
  end: Promise<Ended>
}

/** What the system says of a program that is started directly; of a shell's it would be a mere 127. */
export function findProgram({ argv, cwd, env }: CellSpec): string {
  const name = argv[0]
  const refused = (code: StartErrorCode, why: string): StartError =>
    new StartError(code, `cannot start ${name} in ${cwd}: ${why}`)
  if (!isDirectory(cwd)) throw refused('badDirectory', 'there is no such directory')
  const places = name.includes('/') ? ['.'] : (env.PATH ?? '/usr/bin:/bin').split(':')
  let there = false
  for (const place of places) {
    const path = resolve(cwd, place, name)
    const found = executable(path)
    if (found === 'yes') return path
    there ||= found === 'no'
  }
  if (there) throw refused('notExecutable', 'it is not executable')
  throw refused('notFound', 'there is no such program')
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false
}

function executable(path: string): 'yes' | 'no' | 'missing' {
  try {
    if (!statSync(path).isFile()) return 'no'
    accessSync(path, constants.X_OK)
    return 'yes'
  } catch (error) {
    return errnoOf(error) === 'EACCES' ? 'no' : 'missing'
  }
}
