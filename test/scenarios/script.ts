/**
 * A scenario as text: comments, commands, a line `----`, and what the commands print, up to a blank
 * line. Reading one and writing it again with the same results gives the same bytes.
 */

export interface Command {
  readonly line: number
  readonly quiet: boolean
  readonly verb: string
  readonly words: readonly string[]
  readonly options: ReadonlyMap<string, string>
}

export interface Block {
  /** Comments and commands as they stand, for writing them again. */
  readonly source: readonly string[]
  readonly commands: readonly Command[]
}

export interface Script {
  /** What the scenario promises: the first sentence of the comment that it opens with. */
  readonly promise: string
  readonly blocks: readonly Block[]
  /** Comments after the last block. */
  readonly rest: readonly string[]
}

const divider = '----'

export function parseScript(text: string): Script {
  const blocks: Block[] = []
  let source: string[] = []
  let commands: Command[] = []
  let inResult = false
  text.split('\n').forEach((line, at) => {
    if (inResult) inResult = line !== ''
    else if (line === divider) {
      if (commands.length === 0) throw new Error(`line ${at + 1}: a result without a command`)
      blocks.push({ source, commands })
      source = []
      commands = []
      inResult = true
    } else {
      source.push(line)
      if (line !== '' && !line.startsWith('#')) commands.push(parseCommand(line, at + 1))
    }
  })
  if (commands.length > 0)
    throw new Error(`line ${commands[0]?.line}: a command without ${divider}`)
  return {
    promise: promiseOf(text),
    blocks,
    rest: source.slice(0, source.findLastIndex(notBlank) + 1),
  }
}

export function formatScript(script: Script, results: readonly (readonly string[])[]): string {
  const parts = script.blocks.map(({ source }, i) => {
    const lines = results[i] ?? []
    return [...source, divider, ...(lines.length > 0 ? lines : ['ok'])].join('\n')
  })
  if (script.rest.length > 0) parts.push(script.rest.join('\n'))
  return `${parts.join('\n\n')}\n`
}

const notBlank = (line: string) => line !== ''

/** `quietly` before a command hides what it prints, not what it does. */
function parseCommand(text: string, line: number): Command {
  const words = text.split(/\s+/).filter(notBlank)
  const quiet = words[0] === 'quietly'
  if (quiet) words.shift()
  const [verb = '', ...rest] = words
  const options = new Map<string, string>()
  const plain = rest.filter((word) => {
    const at = word.indexOf('=')
    if (at > 0) options.set(word.slice(0, at), word.slice(at + 1))
    return at <= 0
  })
  return { line, quiet, verb, words: plain, options }
}

function promiseOf(text: string): string {
  const lines = text.split('\n')
  const end = lines.findIndex((line) => !line.startsWith('#') || line === '#')
  const opening = lines.slice(0, end).map((line) => line.slice(1).trim())
  const [promise = ''] = opening.join(' ').split(/\.(?:\s|$)/)
  if (promise === '') throw new Error('a scenario opens with a comment: what it promises')
  return promise
}
