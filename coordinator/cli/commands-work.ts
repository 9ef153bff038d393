/** The grammar of workflows: what can be done with a file, without a mesh. */
import { type Command, Option } from 'commander'
import { formats, works } from '../importing/options.ts'
import type { Parts } from './grammar.ts'
import type { ImportFlags } from './import-trace.ts'
import type { PlanFlags } from './plan.ts'
import { someNumber } from './usage.ts'

export function addWorkCommands(parts: Parts): void {
  const { program, done, context } = parts
  program.commandsGroup('Run work:')
  const workflow = program
    .command('workflow')
    .description('check, plan and import workflows')
    .helpCommand(false)
  workflow
    .command('validate <file>')
    .description('every mistake in a workflow, YAML or JSON; - reads from stdin')
    .action(async (file: string) => {
      done(await (await import('./workflow-file.ts')).validate(context(), file))
    })
  workflow
    .command('plan <file>')
    .description('order, hosts and why, refusals and hints, without running it; - reads from stdin')
    .option('-i, --input <name=value...>', 'value of an input')
    .option('--inputs <file>', 'values of inputs, a JSON object; - reads from stdin')
    .option('--detailed-exitcode', 'exit with 8 where something would run')
    .action(async (file: string, flags: PlanFlags) =>
      done(await (await import('./plan.ts')).plan(context(), file, flags)),
    )
  workflow
    .command('publish <file>')
    .description('give it its name in the mesh, for subflows and for skein run --published')
    .action(async (file: string) => {
      done(await (await import('./workflow-publish.ts')).publish(context(), file))
    })
  workflow
    .command('ls')
    .description('workflows that were published')
    .action(async () => done(await (await import('./workflow-publish.ts')).list(context())))
  workflow
    .command('schema')
    .description('the JSON Schema of workflows, for editors')
    .action(async () => done(await (await import('./workflow-file.ts')).schema(context())))
  addImportCommand(workflow, parts)
}

function addImportCommand(workflow: Command, { done, context }: Parts): void {
  const imports = workflow
    .command('import')
    .description('make workflows of what others have written')
    .helpCommand(false)
  imports
    .command('wfformat <file>')
    .description(
      'a trace of WfCommons, plain or gzip: stages that take as long; - reads from stdin',
    )
    .option('--time-scale <factor>', 'times are multiplied by it', someNumber('--time-scale'), '1')
    .addOption(
      new Option(
        '--work <kind>',
        'what stages do: sleep, start a process that sleeps or takes a core, or none',
      )
        .choices([...works])
        .default('sleep'),
    )
    .option('--resources', 'ask for the cores and memory that were measured')
    .option('--labels', 'label stages with the id, kind and bytes of their task')
    .addOption(
      new Option('--format <format>', 'by the ending of --out, else yaml').choices([...formats]),
    )
    .option('--out <file>', 'write it there (default: stdout)')
    .action(async (file: string, options: ImportFlags) =>
      done(await (await import('./import-trace.ts')).importTrace(context(), file, options)),
    )
}
