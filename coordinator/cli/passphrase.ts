/**
 * A passphrase, from a file or from a terminal that does not show it. It is never taken from the
 * command line or the environment, which others on the host can read.
 */
import { readFileSync } from 'node:fs'
import { exitCodes } from '../../protocol/exit-codes.ts'
import { Problem } from '../../protocol/problem.ts'

const CTRL_C = '\x03'
const CTRL_D = '\x04'
const BACKSPACES = ['\x7f', '\b']

/** The file's first line. */
export function passphraseIn(file: string): string {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT'
    throw noPassphrase(file, missing ? 'there is no such file' : String(error))
  }
  const [line = ''] = text.split(/\r?\n/, 1)
  if (line === '') throw noPassphrase(file, 'its first line is empty')
  return line
}

/** Undefined where nobody can be asked. An empty answer is none, too: ''. */
export async function askPassphrase(question: string): Promise<string | undefined> {
  const { stdin, stderr } = process
  if (!stdin.isTTY || !stderr.isTTY) return undefined
  stderr.write(question)
  stdin.setRawMode(true)
  stdin.resume()
  try {
    return await new Promise<string>((resolve, reject) => {
      let typed = ''
      const onData = (chunk: Buffer) => {
        for (const key of chunk.toString('utf8')) {
          if (key === CTRL_C || key === CTRL_D) return end(() => reject(interrupted()))
          if (key === '\r' || key === '\n') return end(() => resolve(typed))
          typed = BACKSPACES.includes(key) ? [...typed].slice(0, -1).join('') : typed + key
        }
      }
      const end = (then: () => void) => {
        stdin.off('data', onData)
        then()
      }
      stdin.on('data', onData)
    })
  } finally {
    stdin.setRawMode(false)
    stdin.pause()
    stderr.write('\n')
  }
}

/** Asked for twice, because nobody can see what they type. Undefined: none is wanted. */
export async function askNewPassphrase(what: string): Promise<string | undefined> {
  const first = await askPassphrase(`a passphrase for ${what} (empty for none): `)
  if (first === undefined || first === '') return undefined
  if ((await askPassphrase('once more: ')) === first) return first
  throw new Problem({
    code: 'passphrasesDiffer',
    why: 'the two passphrases are not the same',
    fix: 'run it again; nothing was written',
    exitCode: exitCodes.usage,
  })
}

function noPassphrase(file: string, why: string): Problem {
  return new Problem({
    code: 'noPassphrase',
    why: `cannot take a passphrase from ${file}: ${why}`,
    fix: 'write the passphrase into the first line of that file, or leave --passphrase-file out',
    exitCode: exitCodes.usage,
  })
}

function interrupted(): Problem {
  return new Problem({
    code: 'interrupted',
    why: 'interrupted by Ctrl-C',
    fix: 'run it again',
    exitCode: exitCodes.interrupted,
  })
}
