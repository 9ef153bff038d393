/**
 * What a person is shown, asked for from the test's own process. To start the program for every look
 * takes 210 ms of a core, and this 7 (measured), which the mesh that is waited for has to do without; and what
 * does not last for long is over before the next look.
 */
import type { Programs } from '../../coordinator/cli/grammar.ts'
import { run } from '../../coordinator/cli/program.ts'
import type { Ran } from './skein.ts'

/** Looking starts none of the programs that are no part of the command line. */
const noPrograms = {} as Programs

export async function lookIn(
  env: Readonly<Record<string, string>>,
  ...args: string[]
): Promise<Ran> {
  let [out, err] = ['', '']
  const code = await run(args, noPrograms, {
    out: (text) => {
      out += text
    },
    err: (text) => {
      err += text
    },
    ask: undefined,
    terminal: false,
    colour: false,
    columns: () => Number.POSITIVE_INFINITY,
    rows: () => 24,
    env: { ...process.env, NO_COLOR: '1', ...env },
  })
  return { code, out, err }
}
