/** The grammar of the benchmarks. */
import { Option } from 'commander'
import { families } from '../../models/registry/learned.ts'
import { works } from '../importing/options.ts'
import type { Parts } from './grammar.ts'
import { someNumber, wholeNumber } from './usage.ts'

export function addBenchCommands({ program, programs, done, context }: Parts): void {
  const bench = program
    .command('bench')
    .description('measure this version on this machine')
    .helpCommand(false)
  const asked = (options: object) => ({ ...options, json: context().json })
  bench
    .command('idle')
    .description('what an idle agent costs, from /proc')
    .option('--nodes <count>', 'agents in the mesh', wholeNumber('--nodes'), '5')
    .option('--seconds <count>', 'how long to look', wholeNumber('--seconds'), '60')
    .action(async (options) => done(await programs.benchIdle(asked(options))))
  bench
    .command('up')
    .description('from `up` until all agents see all, and how soon a death is known')
    .option('--nodes <count>', 'agents in the mesh', wholeNumber('--nodes'), '5')
    .option('--rounds <count>', 'how often', wholeNumber('--rounds'), '5')
    .action(async (options) => done(await programs.benchUp(asked(options))))
  bench
    .command('membership')
    .description('failure detection at scale, simulated, beside plain SWIM')
    .option('--nodes <count>', 'members', wholeNumber('--nodes'), '1000')
    .option('--minutes <count>', 'virtual minutes', wholeNumber('--minutes'), '30')
    .option('--loss <share>', 'frames lost', '0.05')
    .option('--paused <share>', 'hosts paused at any time', '0.01')
    .option('--seed <text>', 'one seed, one history', '1')
    .action(async (options) => done(await programs.benchMembership(asked(options))))
  bench
    .command('ledger')
    .description('entries appended to the replicated log, beside etcd')
    .option('--seconds <count>', 'how long each', wholeNumber('--seconds'), '10')
    .option('--clients <count>', 'callers at once', wholeNumber('--clients'), '1000')
    .action(async (options) => done(await programs.benchLedger(asked(options))))
  bench
    .command('failover')
    .description('a killed leader, to the next committed write')
    .option('--rounds <count>', 'how often', wholeNumber('--rounds'), '100')
    .action(async (options) => done(await programs.benchFailover(asked(options))))
  bench
    .command('estop')
    .description(
      'from the command to the death of the last process, also in a partition; takes root',
    )
    .option('--rounds <count>', 'how often, of each kind', wholeNumber('--rounds', 1), '50')
    .option('--trees <count>', 'trees of processes on each agent', wholeNumber('--trees', 1), '20')
    .option(
      '--only <names>',
      'some of plain, saturated, leaderKilled, partition, with commas between them',
      '',
    )
    .option('--where', 'say when each agent came to each step', false)
    .action(async (options) => done(await programs.benchEstop(asked(options))))
  bench
    .command('stages')
    .description('stages carried through, beside BullMQ on Redis and bare spawn')
    .option('--seconds <count>', 'how long each', wholeNumber('--seconds', 1), '10')
    .option('--agents <count>', 'agents in the mesh', wholeNumber('--agents', 1), '5')
    .option('--only <names>', 'some of noops, hops, programs, with commas between them', '')
    .action(async (options) => done(await programs.benchStages(asked(options))))
  bench
    .command('runs')
    .description('a great many runs in flight at once, and the memory of each')
    .option('--count <count>', 'how many', wholeNumber('--count', 1), '1000')
    .option('--agents <count>', 'agents in the mesh', wholeNumber('--agents', 1), '5')
    .action(async (options) => done(await programs.benchRuns(asked(options))))
  bench
    .command('scale')
    .description('stages that wait, side by side, against one')
    .option('--max <count>', 'how many at most', wholeNumber('--max', 1), '20')
    .option('--rounds <count>', 'how often', wholeNumber('--rounds', 1), '5')
    .option('--agents <count>', 'agents in the mesh', wholeNumber('--agents', 1), '5')
    .action(async (options) => done(await programs.benchScale(asked(options))))
  bench
    .command('trace')
    .description('every trace of a folder, run on a mesh, its order judged by a checker')
    .argument('<directory>', 'of traces in WfFormat, also gzip')
    .option(
      '--time-scale <factor>',
      'times are multiplied by it',
      someNumber('--time-scale'),
      '0.002',
    )
    .addOption(
      new Option('--work <kind>', 'what stages do in the place of work')
        .choices([...works])
        .default('sleep'),
    )
    .option('--agents <count>', 'agents in the mesh', wholeNumber('--agents', 1), '5')
    .action(async (directory, options) =>
      done(await programs.benchTrace(asked({ ...options, directory }))),
    )
  bench
    .command('failover-work')
    .description('a killed leader and a killed agent, to the next stages dispatched')
    .option('--rounds <count>', 'how often', wholeNumber('--rounds', 1), '20')
    .option('--stages <count>', 'in flight', wholeNumber('--stages', 1), '500')
    .action(async (options) => done(await programs.benchFailoverWork(asked(options))))
  bench
    .command('growth')
    .description('memory, disk and start of a ledger that has seen a great many entries')
    .option('--entries <count>', 'how many', wholeNumber('--entries'), '1000000')
    .option('--keys <count>', 'different keys', wholeNumber('--keys'), '10000')
    .action(async (options) => done(await programs.benchGrowth(asked(options))))
  bench
    .command('calm')
    .description('whether a busy machine makes anybody stand for leader without a failure')
    .option('--minutes <count>', 'how long', wholeNumber('--minutes'), '10')
    .action(async (options) => done(await programs.benchCalm(asked(options))))
  bench
    .command('chaos')
    .description('whether the ledger keeps its word while agents are killed, paused and cut off')
    .option('--minutes <count>', 'how long, for example 0.5', someNumber('--minutes'), '5')
    .option('--seed <text>', 'one seed, one schedule of faults', '1')
    .action(async (options) => done(await programs.benchChaos(asked(options))))
  bench
    .command('federate')
    .description('what learning together in rounds costs five agents, beside none')
    .option(
      '--seconds <count>',
      'with rounds, or without, at a time',
      wholeNumber('--seconds', 5),
      '10',
    )
    .option('--turns <count>', 'with rounds and without, so often', wholeNumber('--turns', 1), '4')
    .option('--only <settings>', 'some of at rest, paced, flooded, with commas between them', '')
    .addOption(
      new Option('--family <name>', 'what is learned in them; each in turn, if not said').choices(
        families,
      ),
    )
    .action(async (options) => done(await programs.benchFederate(asked(options))))
  bench
    .command('inference')
    .description('predictions for 64 stages on 64 hosts, by the process with the models')
    .option('--rounds <count>', 'calls of each family of models', wholeNumber('--rounds', 1), '300')
    .option('--trees <count>', 'in the forest, for all quantiles', wholeNumber('--trees', 1), '210')
    .action(async (options) => done(await programs.benchInference(asked(options))))
  bench
    .command('placement')
    .description('work placed by what it took before, on hosts of different speed')
    .option('--rounds <count>', 'workflows that are placed', wholeNumber('--rounds', 1), '30')
    .option('--seed <text>', 'one seed, the same work', '1')
    .action(async (options) => done(await programs.benchPlacement(asked(options))))
  bench
    .command('fuzz')
    .description('whether an agent survives a peer that keeps no rule')
    .option('--seconds <count>', 'how long to attack', wholeNumber('--seconds'), '60')
    .option('--seed <text>', 'one seed, one sequence of inputs', '1')
    .action(async (options) => done(await programs.benchFuzz(asked(options))))
  bench
    .command('attack')
    .description('whether an attack slows the mesh by more than a tenth')
    .option('--rounds <count>', 'measurements of each attack', wholeNumber('--rounds', 1), '5')
    .option('--only <names>', 'some attacks, with commas between them', '')
    .action(async (options) => done(await programs.benchAttack(asked(options))))
}
