/** One promise of a port: a test that makes its own subject and closes it, whatever happens. */
import { test } from 'node:test'

export type Promised<S> = (promise: string, keep: (subject: S) => Promise<void> | void) => void

export function promising<S extends { close(): Promise<void> | void }>(
  name: string,
  make: () => Promise<S> | S,
): Promised<S> {
  return (promise, keep) => {
    test(`${name}: ${promise}`, async () => {
      const subject = await make()
      try {
        await keep(subject)
      } finally {
        await subject.close()
      }
    })
  }
}
