/** The grammar of learning together. */
import { type Command, Option } from 'commander'
import { roundLimits } from '../../agent/learning/round/limits.ts'
import { federationLimits } from '../../models/federation/limits.ts'
import { families } from '../../models/registry/learned.ts'
import { roundsLimits } from '../learning/rounds/limits.ts'
import { roundFamilies, roundRules } from '../learning/rounds/settings.ts'
import type { ConfigFlags } from './federate-config.ts'
import type { RoundFlags } from './federate-round.ts'
import type { StopFlags } from './federate-stop.ts'
import type { Parts } from './grammar.ts'
import { wholeNumber } from './usage.ts'

export function addFederateCommands({ program, done, context }: Parts): void {
  const federate = program
    .command('federate')
    .description('hosts learn together, and each keeps its history')
    .helpCommand(false)
  const round = federate.command('round').description('learn together now, in one round or several')
  asRound(round, { done, context })
  federate
    .command('stop')
    .description('end what was asked for, and the round that is under way')
    .option('--reason <text>', 'for whoever reads of it')
    .action(async (flags: StopFlags) =>
      done(await (await import('./federate-stop.ts')).stop(context(), flags)),
    )
  federate
    .command('status')
    .description('how rounds are done, when the next one is due, and the one that was begun last')
    .action(async () => done(await (await import('./federate-look.ts')).status(context())))
  federate
    .command('history')
    .description('rounds and what came of them, newest first')
    .option('-n, --last <count>', 'so many', wholeNumber('--last', 1, roundsLimits.roundsMax), '20')
    .action(async ({ last }: { last: string }) =>
      done(await (await import('./federate-look.ts')).history(context(), Number(last))),
    )
  addConfig(federate, { done, context })
}

type Group = Pick<Parts, 'done' | 'context'>

/** Also what `skein model train` does: there is one model, and hosts train it together. */
export function asRound(command: Command, { done, context }: Group): void {
  const words = (each: Command): string =>
    each.parent === null ? each.name() : `${words(each.parent)} ${each.name()}`
  command
    .option('--count <rounds>', 'so many', wholeNumber('--count', 1, roundsLimits.countMax), '1')
    .addOption(
      new Option('--family <name>', 'what is learned (default: as federate config has it)').choices(
        families,
      ),
    )
    .option('--no-wait', 'do not follow them')
    .option(
      '--timeout <seconds>',
      'how long they are followed; they go on by themselves',
      wholeNumber('--timeout', 0),
      '600',
    )
    .addHelpText(
      'after',
      `
Each host trains on its own history and gives what that has changed under a mask; the leader sees
sums alone. Of trees (--family trees) hosts count their attempts under masks, and one or two trees
grow of the sums, which are added to those that there are. Hosts vote on what came of it, each by
attempts that it has held back, and only what they are better off with is kept: as a version that
hosts go on to judge (skein model ls).

Exit codes: 0 each round has ended with a decision, also where what came of it was rejected;
1 a round has failed; 6 hosts were silent, and were left behind.

Examples:
  ${words(command)}
  ${words(command)} --count 20 --json
  ${words(command)} --family trees
`,
    )
    .action(async (flags: RoundFlags) =>
      done(await (await import('./federate-round.ts')).round(context(), flags)),
    )
}

function addConfig(federate: Command, { done, context }: Group): void {
  const { clientsMin } = federationLimits
  const { participantsMax } = roundsLimits
  federate
    .command('config')
    .description('how rounds are done; without options it is shown')
    .option('--every <duration>', 'rounds come by themselves, so far apart; or off')
    .addOption(
      new Option(
        '--family <name>',
        'what rounds learn: both are one and the other in turn',
      ).choices(roundFamilies),
    )
    .option(
      '--steps <count>',
      'of training, of each host in each round',
      wholeNumber('--steps', 1, roundLimits.stepsMax),
    )
    .addOption(new Option('--rule <name>', 'which updates count').choices(roundRules))
    .option(
      '--liars <count>',
      'so many hosts may lie; of few hosts fewer are borne',
      wholeNumber('--liars', 0, participantsMax),
    )
    .option('--noise <multiplier>', 'in a sum, in multiples of the longest update; 0 for none')
    .option('--hold <strength>', 'how strongly hosts are held to the common model (FedProx)')
    .option(
      '--participants-min <count>',
      'with fewer hosts no round is done',
      wholeNumber('--participants-min', clientsMin, participantsMax),
    )
    .action(async (flags: ConfigFlags) =>
      done(await (await import('./federate-config.ts')).config(context(), flags)),
    )
}
