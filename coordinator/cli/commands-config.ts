/** The grammar of the configuration that all hosts go by. */
import { configLimits } from '../config/limits.ts'
import type { DiffFlags } from './config-look.ts'
import type { Parts } from './grammar.ts'
import { wholeNumber } from './usage.ts'

interface ChangeFlags {
  reason?: string
  basedOn?: string
}

const { versionsMax } = configLimits
const basedOn = [
  '--based-on <version>',
  'only if nobody has made another version since',
  wholeNumber('--based-on'),
] as const

export function addConfigCommands({ program, done, context }: Parts): void {
  const config = program
    .command('config')
    .description('what is set for all hosts, and what each goes by')
    .helpCommand(false)
    .addHelpText(
      'after',
      `
What is set here goes before defaults, and after what a host says itself in its file, its environment
or its flags. Most keys are obeyed at once; the others at the next start of each agent, which get shows.
Addresses, directories, users and names are each host's own.

Exit codes: 0 every host that is there goes by it; 6 some do not, or are silent; 2 mistakes, and nothing
was changed; 3 no such key or version; 9 somebody has made another version since --based-on.
`,
    )
  config
    .command('get [key]')
    .description('what is set, and which hosts go by something else')
    .option('--at <node>', 'what that host goes by, and where it is said')
    .action(async (key: string | undefined, { at }: { at?: string }) =>
      done(await (await import('./config-look.ts')).get(context(), key, at)),
    )
  config
    .command('set <key=value...>')
    .description('set values for all hosts, and wait until they go by them')
    .option('--reason <text>', 'for whoever reads of it')
    .option(...basedOn)
    .action(async (words: string[], flags: ChangeFlags) =>
      done(await (await import('./config-change.ts')).set(context(), words, flags)),
    )
  config
    .command('unset <key...>')
    .description('go back to what hosts say themselves, or to the default')
    .option('--reason <text>', 'for whoever reads of it')
    .option(...basedOn)
    .action(async (keys: string[], flags: ChangeFlags) =>
      done(await (await import('./config-change.ts')).unset(context(), keys, flags)),
    )
  config
    .command('diff')
    .description(
      'where hosts go by something else than what is set, or what two versions differ in',
    )
    .option('--at <node>', 'only this host')
    .option('--versions <two...>', 'two versions; 0 is the one before the first')
    .action(async (flags: DiffFlags) =>
      done(await (await import('./config-look.ts')).diff(context(), flags)),
    )
  config
    .command('history')
    .description('who has set what, and when, newest first')
    .option('-n, --last <count>', 'so many', wholeNumber('--last', 1, versionsMax), '20')
    .action(async ({ last }: { last: string }) =>
      done(await (await import('./config-look.ts')).history(context(), Number(last))),
    )
  config
    .command('rollback <version>')
    .description('make a new version that is equal to that one')
    .requiredOption('--reason <text>', 'for whoever reads of it')
    .option(...basedOn)
    .action(async (version: string, flags: ChangeFlags & { reason: string }) =>
      done(
        await (await import('./config-change.ts')).rollback(
          context(),
          wholeNumber('the version', 1)(version),
          flags,
        ),
      ),
    )
}
