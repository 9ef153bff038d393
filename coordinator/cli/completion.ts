/**
 * Shell completion: a short script for the shell, and the words that may stand where one types.
 * The scripts hand words on as they are: nothing that another host calls itself is ever expanded.
 */
import type { Command, Option } from 'commander'
import { nearest } from '../../protocol/nearest.ts'
import { Problem } from '../../protocol/problem.ts'
import type { Client } from './client.ts'
import { isShown, wrongUse } from './usage.ts'

/** Stands for the files that the shell knows itself. */
const FILES = ':files'

const scripts: Readonly<Record<string, string>> = {
  bash: `_skein() {
  local word
  COMPREPLY=()
  while IFS= read -r word; do
    if [[ $word == ${FILES} ]]; then compopt -o default; else COMPREPLY+=("$word"); fi
  done < <(skein __complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F _skein skein
`,
  zsh: `#compdef skein
_skein() {
  local -a found
  found=("\${(@f)$(skein __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ "$found" == ${FILES} ]]; then _files; else compadd -a found; fi
}
compdef _skein skein
`,
  fish: `function __skein_words
  set -l found (skein __complete -- (commandline -opc)[2..] (commandline -ct) 2>/dev/null)
  if test "$found" = ${FILES}
    __fish_complete_path (commandline -ct)
  else
    printf '%s\\n' $found
  end
end
complete -c skein -f -a '(__skein_words)'
`,
}

export function completionScript(shell: string): string {
  const script = Object.hasOwn(scripts, shell) ? scripts[shell] : undefined
  if (script !== undefined) return script
  const guess = nearest(shell, Object.keys(scripts))
  const fix = guess === undefined ? 'ask for bash, zsh or fish' : `did you mean ${guess}?`
  throw wrongUse(`there is no completion for ${shell}`, fix)
}

/** The words that may stand where the last of `words` is being typed. */
export async function complete(
  program: Command,
  words: readonly string[],
  client: Client,
): Promise<string[]> {
  const typed = words.at(-1) ?? ''
  const place = placeOf(program, words.slice(0, -1))
  const candidates = await candidatesAt(place, program, typed, client)
  return [...new Set(candidates)].filter((word) => word === FILES || word.startsWith(typed))
}

interface Place {
  command: Command
  /** What stands behind the command already. */
  given: string[]
  /** The option whose value comes next. */
  option: Option | undefined
}

function placeOf(program: Command, words: readonly string[]): Place {
  const place: Place = { command: program, given: [], option: undefined }
  for (const word of words) {
    if (place.option) place.option = undefined
    else if (word.startsWith('-')) {
      const named = [...place.command.options, ...program.options].find(
        ({ long, short }) => long === word || short === word,
      )
      place.option = named?.required ? named : undefined
    } else {
      const inner = place.given.length === 0 ? commandIn(place.command, word) : undefined
      if (inner) place.command = inner
      else place.given.push(word)
    }
  }
  return place
}

function commandIn(command: Command, word: string): Command | undefined {
  return command.commands.find((each) => each.name() === word)
}

async function candidatesAt(
  { command, given, option }: Place,
  program: Command,
  typed: string,
  client: Client,
): Promise<string[]> {
  if (option) return option.argChoices ?? (/<(file|folder)>/.test(option.flags) ? [FILES] : [])
  if (typed.startsWith('-')) {
    const options = [...command.options, ...program.options]
    return [...options.flatMap(({ long }) => long ?? []), '--help']
  }
  const commands = (of: Command) => of.commands.map((each) => each.name()).filter(isShown)
  if (given.length === 0 && command.commands.length > 0) return commands(command)
  const { registeredArguments } = command
  const last = registeredArguments.at(-1)
  const argument = registeredArguments[given.length] ?? (last?.variadic ? last : undefined)
  switch (argument?.name()) {
    case 'file':
      return [FILES]
    case 'node':
      return nodeNames(client)
    case 'module':
      return moduleNames(client)
    case 'shell':
      return Object.keys(scripts)
    case 'command':
      return commands(given.reduce((of, word) => commandIn(of, word) ?? of, program))
    default:
      return []
  }
}

async function nodeNames(client: Client): Promise<string[]> {
  return offered(async () => (await client.call('nodes')).nodes.map(({ name }) => name))
}

async function moduleNames(client: Client): Promise<string[]> {
  const asked = { parameters: { node: 'self' } }
  return offered(async () => (await client.call('modules', asked)).modules.map(({ name }) => name))
}

/** Words that mean nothing else to a shell. */
const harmless = /^[\w.@%+,/][\w.@%+,/-]*$/

async function offered(ask: () => Promise<string[]>): Promise<string[]> {
  try {
    return (await ask()).filter((name) => harmless.test(name))
  } catch (error) {
    // Somebody pressed Tab while no agent runs: there is nothing to offer, and nobody to tell.
    if (error instanceof Problem) return []
    throw error
  }
}
