/**
 * The files of tests that it is given, in one process and one after the other: what they import is read
 * once for all of them, which is most of what a small file costs. Each is a suite of its own, so that
 * what it does before and after its tests is done for its tests only, and a file that cannot be read
 * takes no other with it.
 */
import { resolve } from 'node:path'
import { describe } from 'node:test'
import { pathToFileURL } from 'node:url'

for (const file of process.argv.slice(2)) {
  describe(file, async () => {
    await import(pathToFileURL(resolve(file)).href)
  })
}
