/** A place in memory for one test, or why this host has none. */
import { accessSync, constants, mkdtempSync, rmSync, statfsSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

const TMPFS = 0x01021994
const SHM = '/dev/shm'

export const whyNotInMemory = whyNot()

function whyNot(): string | undefined {
  try {
    accessSync(SHM, constants.W_OK)
    return statfsSync(SHM).type === TMPFS ? undefined : `${SHM} is not in memory here`
  } catch {
    return `there is no ${SHM} here to write in`
  }
}

export function placeInMemory(test: TestContext): string {
  const path = makePlace()
  test.after(() => rmSync(path, { recursive: true, force: true }))
  return path
}

export function makePlace(): string {
  return mkdtempSync(join(SHM, 'skein-test-'))
}
