/** Whether a program can be started by its name alone. */
import { accessSync, constants } from 'node:fs'
import { join } from 'node:path'

/** The first of the names that is there. */
export function programOnPath(names: readonly string[], path: string): string | undefined {
  return names.find((name) => path.split(':').some((directory) => isProgram(directory, name)))
}

function isProgram(directory: string, name: string): boolean {
  try {
    accessSync(join(directory === '' ? '.' : directory, name), constants.X_OK)
    return true
  } catch {
    return false
  }
}
