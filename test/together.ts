/**
 * The files of tests that it is given, in one process and one after the other: what they import is read
 * once for all of them, which is most of what a small file costs. Each is a suite of its own, so that
 * what it does before and after its tests is done for its tests only, and a file that cannot be read
 * takes no other with it. It is read when the one before it is over: what a file notes of the time as
 * it begins is as old as its tests. `run.ts` sees to it that none is left out.
 */
import { AsyncResource } from 'node:async_hooks'
import { resolve } from 'node:path'
import { after, describe } from 'node:test'
import { pathToFileURL } from 'node:url'

const files = process.argv.slice(2)

/** Bound to here, or it would be a suite within the one that is over. */
const next = AsyncResource.bind(() => {
  const file = files.shift()
  if (file === undefined) return
  describe(file, async () => {
    after(next)
    await import(pathToFileURL(resolve(file)).href)
  })
})

next()
