/** Shell completion: a short script for the shell, and the words it asks for while one types. */
import type { Command } from 'commander'
import { exitCodes } from '../../protocol/exit-codes.ts'
import { nearest } from '../../protocol/nearest.ts'
import { Problem } from '../../protocol/problem.ts'
import type { Client } from './client.ts'

const scripts: Readonly<Record<string, string>> = {
  bash: `_skein() {
  local words=("\${COMP_WORDS[@]:1:COMP_CWORD}")
  COMPREPLY=($(compgen -W "$(skein __complete -- "\${words[@]}" 2>/dev/null)" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -F _skein skein
`,
  zsh: `#compdef skein
_skein() {
  local -a found
  found=("\${(@f)$(skein __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  compadd -a found
}
compdef _skein skein
`,
  fish: `complete -c skein -f -a '(skein __complete -- (commandline -opc)[2..] (commandline -ct) 2>/dev/null)'
`,
}

export function completionScript(shell: string): string {
  const script = scripts[shell]
  if (script !== undefined) return script
  const guess = nearest(shell, Object.keys(scripts))
  throw new Problem({
    code: 'unknownShell',
    why: `there is no completion for ${shell}`,
    fix: guess === undefined ? 'ask for bash, zsh or fish' : `did you mean ${guess}?`,
    exitCode: exitCodes.usage,
  })
}

const takesNode = new Set(['nodes show', 'nodes label', 'modules ls'])

/** The words that may stand where the last of `words` is being typed. */
export async function complete(
  program: Command,
  words: readonly string[],
  client: Client,
): Promise<string[]> {
  const typed = words.at(-1) ?? ''
  let command = program
  const path: string[] = []
  for (const word of words.slice(0, -1)) {
    const next = command.commands.find((each) => each.name() === word)
    if (!next) continue
    command = next
    path.push(word)
  }
  const candidates = typed.startsWith('-')
    ? [...command.options, ...program.options].flatMap(({ long }) => long ?? [])
    : command.commands.map((each) => each.name()).filter((name) => !name.startsWith('__'))
  if (takesNode.has(path.join(' '))) candidates.push(...(await nodeNames(client)))
  return [...new Set(candidates)].filter((word) => word.startsWith(typed))
}

async function nodeNames(client: Client): Promise<string[]> {
  try {
    const { nodes } = await client.call('nodes')
    return nodes.map(({ name }) => name)
  } catch {
    // Somebody pressed Tab while no agent runs: there is nothing to offer, and nobody to tell.
    return []
  }
}
