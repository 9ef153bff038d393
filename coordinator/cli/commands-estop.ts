/** The grammar of the emergency stop. */
import { type Command, Option } from 'commander'
import { stopModes } from '../../protocol/estop/scope.ts'
import type { StopFlags } from './estop.ts'
import type { Parts } from './grammar.ts'
import { wholeNumber } from './usage.ts'

export function addEstopCommands({ program, done, context }: Parts): void {
  program.commandsGroup('Stop everything:')
  const stop = program
    .command('estop')
    .description('stop everything, everywhere, at once, until it is released; asks first')
    .addOption(
      new Option('--mode <mode>', 'what becomes of what runs').choices(stopModes).default('kill'),
    )
    .option('--direct', 'tell the peers themselves, past every control API')
    .option('--peer <address...>', 'with --direct: peers, besides those that are known')
    .option('--swarm-key <file>', 'with --direct: lets in to peers (default: beside your key)')
    .action(async (flags: StopFlags) =>
      done(await (await import('./estop.ts')).estop(context(), flags)),
    )
  addShared(stop)
  stop
    .command('status')
    .description('what is in force, and who has obeyed; exit 10 if anything')
    .action(async () => done(await (await import('./estop.ts')).estopStatus(context())))
  const resume = program
    .command('resume')
    .description('release an emergency stop; starts nothing')
    .option('--epoch <number>', 'only if this stop is in force', wholeNumber('--epoch', 1))
    .action(async (flags: StopFlags) =>
      done(await (await import('./estop.ts')).resume(context(), flags)),
    )
  addShared(resume)
}

function addShared(command: Command): void {
  command
    .option('--reason <text>', 'for those who look later; must be given')
    .option('--scope <scope>', 'mesh, label:KEY=VALUE or run:ID (default: mesh)')
    .option('--label <key=value>', 'hosts with this label')
    .option('--run <id>', 'one run, wherever it is')
    .option('--timeout <seconds>', 'wait so long for answers', wholeNumber('--timeout', 0), '10')
}
