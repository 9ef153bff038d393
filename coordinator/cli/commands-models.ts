/** The grammar of what is learned. */
import { type Command, Option } from 'commander'
import { ruleNames } from '../../models/federation/aggregation/rules.ts'
import { attacks } from '../../models/federation/experiment/attacks.ts'
import { asRound } from './commands-federate.ts'
import type { Parts } from './grammar.ts'
import type { EvaluateFlags } from './model-evaluate.ts'
import type { FederatedFlags } from './model-federated.ts'
import type { ShowModelFlags } from './models.ts'
import { someNumber, wholeNumber, wrongUse } from './usage.ts'

export function addModelCommands({ program, done, context }: Parts): void {
  const model = program
    .command('model')
    .description('what is learned of work, and how good it is')
    .helpCommand(false)
  model
    .command('ls')
    .description('versions of the model that hosts have in common, and how they do')
    .action(async () => done(await (await import('./models.ts')).list(context())))
  model
    .command('show <name>')
    .description('one version closely: duration for the one of now, or a hash')
    .option('--explain <stage>', 'what a stage is expected to take on each host, by whom, and why')
    .option('--workflow <name>', 'with --explain: of which workflow (default: what ran last)')
    .action(async (name: string, options: ShowModelFlags) =>
      done(await (await import('./models.ts')).show(context(), name, options)),
    )
  const train = model
    .command('train')
    .description('have hosts train it further together, now; the same as federate round')
  asRound(train, { done, context })
  model
    .command('rollback [version]')
    .description('take the active version back, for the one it replaced or another')
    .requiredOption('--reason <text>', 'why; it stands in the audit log')
    .action(async (version: string | undefined, options: { reason: string }) =>
      done(await (await import('./models.ts')).rollBack(context(), version, options.reason)),
    )
  const evaluate = model
    .command('evaluate')
    .description(
      'how well times are predicted on traces of others, beside plain rules; needs no mesh',
    )
    .requiredOption('--traces <directory>', 'of traces in WfFormat or tables in CSV, also gzip')
    .addOption(
      new Option('--split <kind>', 'what is held back: what came last, or a whole application')
        .choices(['time', 'application'])
        .default('time'),
    )
    .option('--seed <number>', 'one seed, one result', wholeNumber('--seed'), '1')
    .option(
      '--federated',
      'train a net and trees by several clients, beside each alone and all in one',
    )
    .addHelpText(
      'after',
      `
Learners are asked of attempts that they have not seen, in two ways: once, told nothing more; and
living, told of each attempt that has ended before they are asked of the next, as an agent is. Both
ways they are told the host, its load and all sizes of inputs, which a real plan may not know yet.
Of a trace that does not say when, the runs of an application come one after the other by the names
of their files. A table has a line of names: task, startedMs, endedMs, and if known group, host,
ended, inputBytes, inputFiles, cpus, memoryBytes, load, hostSpeed, peakMemoryBytes.

  error     median of |p50 - actual| / actual
  pinball   mean loss of p10, p50 and p90, in seconds; loss of logs: the same of their logarithms
  in band   share of what lies from p10 to p90; it should be 80%
  width     median of p90 / p10
  unknown   attempts of which it said nothing
Figures are of those attempts that all learners have an answer to; who answers more has a second line
for all of its answers. By application it takes minutes: everything is learned anew for each.

With --federated --byzantine, the later rows of honest clients are asked of three models: all honest;
the honest alone, with those who lie not there; and with lies.
  data missed   how much worse off the honest are alone: the rows of those who lie are lost
                to them whatever is done about lies
  lies cost     how much worse off they are with lies than alone
  together      both, beside all honest: at most 2% is asked for
Promises are told as they come out, also where they do not hold. Two courses with nobody lying differ
by some percent by what was drawn alone: one seed decides nothing, and --seeds tells each of several.

Examples:
  skein model evaluate --traces wfinstances
  skein model evaluate --traces wfinstances --split application --json
  skein model evaluate --traces wfinstances --federated --byzantine 2 --attack sign-flip
  skein model evaluate --traces wfinstances --federated --byzantine 2 --seeds 1,2,3,4,5
`,
    )
  addFederatedOptions(evaluate)
  evaluate.action(async (flags: EvaluateFlags & FederatedFlags & { federated?: true }) => {
    if (flags.federated === true) refuseSplit(evaluate)
    else refuseFederatedOptions(evaluate)
    done(
      flags.federated === true
        ? await (await import('./model-federated.ts')).evaluateFederated(context(), flags)
        : await (await import('./model-evaluate.ts')).evaluate(context(), flags),
    )
  })
}

/** Each takes a minute or more on all traces. */
const seedsMax = 32

/** Each as `--federated` has it. */
const federated = [
  new Option('--seeds <list>', 'one comparison with each, and how far apart they are, as 1,2,3')
    .argParser(seedList)
    .conflicts('seed'),
  new Option('--clients <count>', 'that train together')
    .argParser(wholeNumber('--clients', 3, 64))
    .default('7'),
  new Option(
    '--by <kind>',
    'what a client has: rows of some hosts, or of some applications',
  ).choices(['host', 'application']),
  new Option('--rounds <count>', 'of training')
    .argParser(wholeNumber('--rounds', 1, 10_000))
    .default('120'),
  new Option('--rule <name>', 'by which updates become one')
    .choices(ruleNames)
    .default('norm-bound'),
  new Option('--no-masks', 'let the leader see each update, as median and others need'),
  new Option('--no-votes', 'take what comes of each round, whatever hosts say of it'),
  new Option('--byzantine <count>', 'clients that lie, in updates and votes')
    .argParser(wholeNumber('--byzantine', 0, 31))
    .default('0'),
  new Option('--attack <kind>', 'how they lie').choices(attacks).default('sign-flip'),
  new Option('--kill <count>', 'clients that die in the middle of a round')
    .argParser(wholeNumber('--kill', 0, 31))
    .default('0'),
  new Option('--hold <strength>', 'how strongly a client is held to the common model (FedProx)')
    .argParser(someNumber('--hold'))
    .default('0'),
  new Option(
    '--noise <multiplier>',
    'noise in a sum, in multiples of the longest update; hosts do not vote then',
  )
    .argParser(someNumber('--noise'))
    .default('0'),
] as const

function seedList(text: string): number[] {
  const seeds = text.split(',').map((each) => Number(wholeNumber('--seeds')(each)))
  if (new Set(seeds).size === seeds.length && seeds.length <= seedsMax) return seeds
  throw wrongUse(
    `--seeds ${text} names one twice, or more than ${seedsMax}`,
    'name each once, with a comma in between',
  )
}

function addFederatedOptions(command: Command): void {
  command.optionsGroup('With --federated:')
  for (const option of federated) command.addOption(option)
}

function refuseFederatedOptions(command: Command): void {
  const given = federated.find(
    (option) => command.getOptionValueSource(option.attributeName()) === 'cli',
  )
  if (given === undefined) return
  throw wrongUse(`${given.long} is about --federated, which is not there`, 'add --federated')
}

function refuseSplit(command: Command): void {
  if (command.getOptionValueSource('split') !== 'cli') return
  throw wrongUse(
    '--federated holds back what came last, and --split is not about it',
    'leave it out',
  )
}
