/**
 * Puts a mutant into what this thread imports from now on. The files on the disk stay as they are,
 * and other threads see nothing of it.
 */
import { registerHooks } from 'node:module'
import { fileURLToPath } from 'node:url'
import { assert } from '../../protocol/assert.ts'
import { filesOf, type Mutant, mutated } from './mutant.ts'

export const root = new URL('../../', import.meta.url)

export interface Loading {
  /** Call when everything is imported: a defect in a file that nobody read would go unnoticed. */
  complete(): void
}

export function load(mutant: Mutant): Loading {
  const missing = filesOf(mutant)
  registerHooks({
    load(url, context, nextLoad) {
      const loaded = nextLoad(url, context)
      if (!url.startsWith(root.href)) return loaded
      const file = fileURLToPath(url).slice(fileURLToPath(root).length)
      if (!filesOf(mutant).has(file)) return loaded
      missing.delete(file)
      const source = Buffer.from(loaded.source as Uint8Array).toString()
      return { ...loaded, source: mutated(mutant, file, source) }
    },
  })
  return {
    complete: () =>
      assert(missing.size === 0, 'the files of a mutant are not imported yet when it is put in', {
        mutant: mutant.name,
        files: [...missing].join(' '),
      }),
  }
}
