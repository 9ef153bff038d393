/** The grammar of the audit log. */
import type { Parts } from './grammar.ts'
import { AUDIT_MAX } from './limits.ts'
import { wholeNumber } from './usage.ts'

export function addAuditCommands({ program, done, context }: Parts): void {
  const audit = program.command('audit').description('who did what').helpCommand(false)
  audit
    .command('ls')
    .description('what was done and decided, newest last')
    .option('--last <count>', 'at most so many', wholeNumber('--last', 1, AUDIT_MAX), '50')
    .option('--since <time>', 'from then on: 2026-05-01T08:00, or an age as 2h')
    .option('--actor <name>', 'by this person or agent')
    .option('--verb <verb>', 'of this verb, or of all before its dot: run.kill, run')
    .option('--outcome <code>', 'with this outcome: ok, refused')
    .action(async (options) => done(await (await import('./audit.ts')).list(context(), options)))
  audit
    .command('verify')
    .description('whether it is whole, by the heads that agents have signed; exit 1 if not')
    .option('--file <file...>', 'of exports, the older first; asks no agent')
    .action(async ({ file }: { file?: string[] }) => {
      const { verify, verifyFiles } = await import('./audit-verify.ts')
      done(await (file ? verifyFiles(context(), file) : verify(context())))
    })
  audit
    .command('export <file>')
    .description('all of it with hashes and signed heads, a line each, for keeping')
    .action(async (file: string) =>
      done(await (await import('./audit.ts')).exportTo(context(), file)),
    )
}
