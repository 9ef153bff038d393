/** The grammar of workflows: what can be done with a file, without a mesh. */
import type { Parts } from './grammar.ts'

export function addWorkCommands({ program, done, context }: Parts): void {
  program.commandsGroup('Run work:')
  const workflow = program.command('workflow').description('check workflows').helpCommand(false)
  workflow
    .command('validate <file>')
    .description('every mistake in a workflow, YAML or JSON; - reads from stdin')
    .action(async (file: string) => {
      done(await (await import('./workflow-file.ts')).validate(context(), file))
    })
  workflow
    .command('schema')
    .description('the JSON Schema of workflows, for editors')
    .action(async () => done(await (await import('./workflow-file.ts')).schema(context())))
}
