/** The grammar of help and completion. */
import type { Command } from 'commander'
import { exitCodes } from '../../protocol/exit-codes.ts'
import { nearest } from '../../protocol/nearest.ts'
import type { Parts } from './grammar.ts'
import { wrongUse } from './usage.ts'

export function addMoreCommands({ program, done, context }: Parts): void {
  program.commandsGroup('More:')
  program
    .command('help [command...]')
    .description('what a command does and takes')
    .action((words: string[] = []) => {
      commandNamed(program, words).outputHelp()
      done(exitCodes.done)
    })
  program
    .command('completion <shell>')
    .description('what bash, zsh or fish need to complete skein’s words')
    .action(async (shell: string) => {
      const { completionScript } = await import('./completion.ts')
      context().io.out(completionScript(shell))
      done(exitCodes.done)
    })
  program
    .command('openapi')
    .description('the control API of agents as an OpenAPI 3.1 document, for clients')
    .action(async () => {
      const { openApiDocument } = await import('../api/openapi.ts')
      context().io.out(`${JSON.stringify(openApiDocument(), null, 2)}\n`)
      done(exitCodes.done)
    })
  program
    .command('__complete [words...]', { hidden: true })
    .allowUnknownOption()
    .action(async (words: string[] = []) => {
      const { complete } = await import('./completion.ts')
      const found = await complete(program, words, context().client)
      context().io.out(found.map((word) => `${word}\n`).join(''))
      done(exitCodes.done)
    })
}

function commandNamed(program: Command, words: readonly string[]): Command {
  let command = program
  for (const word of words) {
    const next = command.commands.find((each) => each.name() === word)
    if (!next) {
      const names = command.commands.map((each) => each.name())
      const guess = nearest(word, names)
      const fix = guess === undefined ? 'skein help shows all commands' : `did you mean ${guess}?`
      throw wrongUse(`there is no command ${JSON.stringify(words.join(' '))}`, fix)
    }
    command = next
  }
  return command
}
