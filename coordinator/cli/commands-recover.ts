/** The grammar of recovering a mesh that has lost its quorum. */
import type { Parts } from './grammar.ts'

export function addRecoverCommands({ program, done, context }: Parts): void {
  program
    .command('recover')
    .description('go on after most voters are lost for good; works on stopped agents')
    .option('--plan', 'say what was lost, what would be, and from whom to go on; changes nothing')
    .option('--apply', 'go on from one survivor alone; asks first')
    .option('--reset', 'let a host forget its copy of the ledger; asks first')
    .option('--data-directory <folder...>', 'of agents that do not run; --plan takes several')
    .option('--config <file>', 'of the agent, to find its data directory')
    .option('--store-key-file <file>', 'the key of their stores, where those are sealed')
    .option('--ask <url...>', 'agents that still run, to hear what they hold')
    .option('--copy <name>', 'go on from a copy that was set aside on this host')
    .option('--expect <term/index>', 'only if the log still ends where it did in the plan')
    .option('--even-without-vote', 'go on from a host that did not vote')
    .action(async (options) =>
      done(await (await import('./recover.ts')).recover(context(), options)),
    )
}
