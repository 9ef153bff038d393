/** The grammar of join tokens. */
import { Option } from 'commander'
import { peerRoles } from '../../protocol/identity/roles.ts'
import { joinLimits } from '../../protocol/joining/limits.ts'
import { formatDuration } from '../../protocol/units.ts'
import type { Parts } from './grammar.ts'
import type { CreateFlags } from './tokens.ts'
import { wholeNumber } from './usage.ts'

export function addTokenCommands({ program, done, context }: Parts): void {
  const { ttlMsDefault, usesMax } = joinLimits
  const token = program
    .command('token')
    .description('what lets hosts into the mesh')
    .helpCommand(false)
  token
    .command('create')
    .description('make one, and print it once: skein agent join TOKEN takes it on the other host')
    .addOption(
      new Option('--role <role>', 'coordinators may vote and lead: have three or five of them')
        .choices(peerRoles)
        .default('agent'),
    )
    .option('--label <key=value...>', 'labels of the hosts that it lets in')
    .option('--ttl <duration>', 'how long it is good', formatDuration(ttlMsDefault))
    .option('--uses <count>', 'how many hosts', wholeNumber('--uses', 1, usesMax), '1')
    .option('--name <name>', 'what the host is to be called (default: its own name)')
    .action(async (flags: CreateFlags) =>
      done(await (await import('./tokens.ts')).create(context(), flags)),
    )
  token
    .command('ls')
    .description('all of them, and whom they have let in')
    .action(async () => done(await (await import('./tokens.ts')).list(context())))
  token
    .command('revoke <token>')
    .description('let nobody in by it any more; who is in stays')
    .action(async (id: string) => done(await (await import('./tokens.ts')).revoke(context(), id)))
}
