/** Wrong use, told like everything else: what is wrong, and what to write instead. */
import type { Command, CommanderError } from 'commander'
import { exitCodes } from '../../protocol/exit-codes.ts'
import { Problem } from '../../protocol/problem.ts'

export function wrongUse(why: string, fix: string): Problem {
  return new Problem({ code: 'usage', why, fix, exitCode: exitCodes.usage })
}

/** For an option or argument that counts something. */
export function wholeNumber(
  flag: string,
  min = 0,
  max: number = Number.MAX_SAFE_INTEGER,
): (text: string) => string {
  return (text) => {
    if (!/^\d+$/.test(text)) {
      throw wrongUse(
        `${flag} is ${JSON.stringify(text)}, which is no whole number`,
        'write digits only',
      )
    }
    if (Number(text) < min || Number(text) > max) {
      const range = max === Number.MAX_SAFE_INTEGER ? `${min} or more` : `${min} to ${max}`
      throw wrongUse(`${flag} is ${text}, and it can be ${range}`, 'choose a number in between')
    }
    return text
  }
}

/** For an option that says how much, more than nothing. */
export function someNumber(flag: string): (text: string) => string {
  return (text) => {
    if (!/^\d+(\.\d+)?$/.test(text) || Number(text) <= 0) {
      throw wrongUse(
        `${flag} is ${JSON.stringify(text)}, which is no number above zero`,
        'write digits, with a point if need be',
      )
    }
    return text
  }
}

/** What the grammar refused. `argv` says for which command. */
export function usageProblem(
  error: CommanderError,
  program: Command,
  argv: readonly string[],
): Problem {
  const command = commandIn(program, argv)
  const path = pathOf(command)
  const help = `see ${path} --help`
  if (error.code === 'commander.help') {
    const names = command.commands.map((each) => each.name()).filter(isShown)
    return wrongUse(`${path} needs a command`, `add one of ${names.join(', ')}`)
  }
  const [first = '', suggestion = ''] = error.message.replace(/^error: /, '').split('\n')
  const guess = /\(Did you mean (.*)\?\)/.exec(suggestion)?.[1]
  return wrongUse(first.replace(/\.$/, ''), guess === undefined ? help : `did you mean ${guess}?`)
}

/** The innermost command that is named, as far as the words are understood. */
function commandIn(program: Command, argv: readonly string[]): Command {
  let command = program
  for (const word of argv) {
    command = command.commands.find((each) => each.name() === word) ?? command
  }
  return command
}

function pathOf(command: Command): string {
  return command.parent ? `${pathOf(command.parent)} ${command.name()}` : command.name()
}

export function isShown(name: string): boolean {
  return !name.startsWith('__')
}
