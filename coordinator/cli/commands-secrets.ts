/** The grammar of secrets. */
import type { Parts } from './grammar.ts'

export function addSecretCommands({ program, done, context }: Parts): void {
  const secret = program
    .command('secret')
    .description('what stages are given and nobody is shown')
    .helpCommand(false)
  secret
    .command('set <name>')
    .description('set one, or change it; its value, any bytes, is read from stdin')
    .option('--from-file <file>', 'read the value from this file')
    .action(async (name: string, { fromFile = '-' }: { fromFile?: string }) =>
      done(await (await import('./secrets.ts')).set(context(), name, fromFile)),
    )
  secret
    .command('ls')
    .description('their names, who has set them, and when')
    .action(async () => done(await (await import('./secrets.ts')).list(context())))
  secret
    .command('rm <name>')
    .description('remove one')
    .action(async (name: string) =>
      done(await (await import('./secrets.ts')).remove(context(), name)),
    )
}
