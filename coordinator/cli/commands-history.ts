/** The grammar of what hosts remember. Runs that have ended are under `runs`. */
import type { Parts } from './grammar.ts'

interface PurgeOptions {
  before?: string
  fingerprint?: string
}

export function addHistoryCommands({ program, done, context }: Parts): void {
  program.commandsGroup('Learning:')
  const history = program
    .command('history')
    .description('what a host remembers of the work that it has done')
    .helpCommand(false)
  history
    .command('ls [node]')
    .description('kinds of work, with how long they took and how often they succeeded')
    .action(async (node = 'self') =>
      done(await (await import('./host-history.ts')).list(context(), node)),
    )
  history
    .command('show <fingerprint> [node]')
    .description('one kind of work closely; the beginning of a fingerprint will do')
    .action(async (fingerprint: string, node = 'self') =>
      done(await (await import('./host-history.ts')).show(context(), fingerprint, node)),
    )
  history
    .command('purge [node]')
    .description('make it forget, for good')
    .option('--before <when>', 'only what had ended 30m, 12h, 7d ago, or by 2026-01-31T12:00Z')
    .option('--fingerprint <fingerprint>', 'only this kind of work')
    .action(async (node = 'self', options: PurgeOptions) =>
      done(await (await import('./host-history.ts')).purge(context(), node, options)),
    )
}
