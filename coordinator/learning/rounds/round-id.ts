/** By what masks of one sum are told from those of every other. */
import { createHash } from 'node:crypto'
import type { CourseParts, Plan } from './drive.ts'

const roundIdAbout = 'skein federated round v1\n'

/** Never the same again. */
export function roundIdOf(
  { term, number, base }: Plan,
  { chance }: Pick<CourseParts, 'chance'>,
): Uint8Array {
  const hash = createHash('sha256').update(`${roundIdAbout}${base.hash} ${number} ${term}\n`)
  return new Uint8Array(hash.update(chance.bytes(32)).digest())
}
