/** A directory for one test, gone when it ends. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

export function temporaryDirectory(test: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'skein-test-'))
  test.after(() => rmSync(path, { recursive: true, force: true }))
  return path
}
