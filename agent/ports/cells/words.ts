/** A launch as a nursery of Perl or Python takes it: a length, and words that end with a zero. */
import type { Launch } from './launch.ts'

/** In four bytes, before the words. */
const LENGTH_BYTES = 4

export function wordsOf(id: number, launch: Launch, program: string): Buffer {
  const { spec, env, outputs, recordPath = '', groupDirectory = '' } = launch
  const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`)
  const place = [groupDirectory, ...outputs, spec.cwd, program]
  const words = [id, recordPath, ...place, variables.length, ...variables, ...spec.argv]
  const text = Buffer.from(`${' '.repeat(LENGTH_BYTES)}${words.join('\0')}`)
  text.writeUInt32BE(text.length - LENGTH_BYTES)
  return text
}
