/** The grammar of what is learned. */
import { Option } from 'commander'
import type { Parts } from './grammar.ts'
import type { EvaluateFlags } from './model-evaluate.ts'
import { wholeNumber } from './usage.ts'

export function addModelCommands({ program, done, context }: Parts): void {
  const model = program
    .command('model')
    .description('what is learned of work, and how good it is')
    .helpCommand(false)
  model
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
    .addHelpText(
      'after',
      `
Learners are asked of attempts that they have not seen, in two ways: once, told nothing more; and
living, told of each attempt that has ended before they are asked of the next, as an agent is.
Of a trace that does not say when, the runs of an application come one after the other by the names
of their files. A table has a line of names: task, startedMs, endedMs, and if known group, host,
ended, inputBytes, inputFiles, cpus, memoryBytes, load, hostSpeed, peakMemoryBytes.

  error     median of |p50 - actual| / actual
  pinball   mean loss of p10, p50 and p90, in seconds; loss of logs: the same of their logarithms
  in band   share of what lies from p10 to p90; it should be 80%
  width     median of p90 / p10
  unknown   attempts of which it said nothing
All figures but unknown are of those attempts that all learners have an answer to; the second line
of the last is of all that it answered.

Examples:
  skein model evaluate --traces wfinstances
  skein model evaluate --traces wfinstances --split application --json
`,
    )
    .action(async (flags: EvaluateFlags) =>
      done(await (await import('./model-evaluate.ts')).evaluate(context(), flags)),
    )
}
