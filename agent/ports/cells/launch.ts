/** What it takes to start the program of a cell, whoever starts it, and what is then known of it. */
import { accessSync, constants, realpathSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import type { CellSpec } from '../../../protocol/ports/cells.ts'
import { StartError, type StartErrorCode } from '../../../protocol/ports/processes.ts'
import { errnoOf } from '../errno.ts'
import { permits, type StageUser } from '../identity.ts'
import type { ControlGroup } from './control-group.ts'
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
  /** The one that all stages share, where the kernel holds it in that. */
  stages?: ControlGroup | undefined
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

/** What is found missing here would be a mere exit code, once the program has its user. */
export function refuseUnlessEntered({ argv, cwd }: CellSpec, { name, ...user }: StageUser): void {
  if (isDirectory(cwd) && directoriesTo(realpathSync(cwd)).every(mayEnter)) return
  const why = isDirectory(cwd) ? `the user ${name} may not enter it` : 'there is no such directory'
  throw new StartError('badDirectory', `cannot start ${argv[0]} in ${cwd}: ${why}`)

  function mayEnter(path: string): boolean {
    return permits(statSync(path), user, 'enter')
  }
}

/** From the root on. */
function directoriesTo(path: string): string[] {
  return path === '/' ? [path] : [...directoriesTo(dirname(path)), path]
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
