/** The grammar of runs: beginning them, watching them, and deciding about them. */
import { type Command, Option } from 'commander'
import type { Parts } from './grammar.ts'
import type { ArtifactFlags } from './run-artifacts.ts'
import type { RunFlags, ShowFlags } from './run-flags.ts'
import { wholeNumber } from './usage.ts'

export function addRunCommands(parts: Parts): void {
  const { program, done, context } = parts
  const run = program
    .command('run <file>')
    .description('run a workflow and follow it; Ctrl-C leaves it running')
    .option('--published', 'FILE is the name of a published workflow')
    .option('--label <key=value...>', 'label the run')
    .option('--key <key>', 'the same key again is the same run again')
    .option('--priority <number>', 'in place of the workflow’s', wholeNumber('--priority', 0, 100))
    .option('--plan <hash>', 'refuse when skein workflow plan would say something else now')
  addStartOptions(run)
    .addHelpText('after', runHelp)
    .action(async (file: string, options: RunFlags) =>
      done(await (await import('./run.ts')).run(context(), file, options)),
    )
  const runs = program.command('runs').description('what has run, and does').helpCommand(false)
  addListCommand(runs, parts)
  addLookCommands(runs, parts)
  addDecideCommands(runs, parts)
  addApprovals(parts)
}

const runHelp = `
The exit code is that of the run: 0 when it has succeeded, 1 when it has failed.

Examples:
  skein run build.yaml -i version=1.2.3
  skein run build.yaml --detach && skein runs logs @latest -f`

/** How a run is given its inputs, and how long the command stays with it. */
function addStartOptions(command: Command): Command {
  return command
    .option('-i, --input <name=value...>', 'value of an input')
    .option('--inputs <file>', 'values of inputs, a JSON object; - reads from stdin')
    .addOption(
      new Option('--watch', 'follow it until it ends, as is done by default').conflicts('detach'),
    )
    .addOption(new Option('--detach', 'begin it and say how to come back').conflicts('wait'))
    .option('--no-wait', 'leave when it waits for an approval, with exit code 7')
}

const whereHelp = `
--where takes an expression of the language of workflows (CEL) over id, name, state, by, startedAt,
endedAt, took, durationSeconds, labels, reason and parent, such as
  state == "failed" && took > duration("10m") && labels.team == "web"
  startedAt > timestamp("2026-01-31T00:00:00Z") && reason.contains("disk")
What a run does not have, such as a label, makes it no match.`

function addListCommand(runs: Command, { done, context }: Parts): void {
  runs
    .command('ls')
    .description('newest first')
    .option('--state <states>', 'queued, running, succeeded, failed, cancelled; commas between')
    .option('--name <workflow>', 'of this workflow')
    .option('--label <key=value...>', 'with these labels')
    .option('--since <when>', 'started in the last 30m, 12h, 7d, or at 2026-01-31T12:00Z or later')
    .option('--until <when>', 'started before')
    .option('--where <expression>', 'that are so; see below')
    .option('--limit <count>', 'so many', wholeNumber('--limit', 1, 1_000), '50')
    .addHelpText('after', whereHelp)
    .action(async (options) => done(await (await import('./runs.ts')).list(context(), options)))
}

function addLookCommands(runs: Command, { done, context }: Parts): void {
  runs
    .command('show <run>')
    .description('one run with its stages; @latest is the newest that is no part of another')
    .option('--stage <stage>', 'one stage closely, with its attempts')
    .action(async (run: string, options: ShowFlags) =>
      done(await (await import('./runs.ts')).show(context(), run, options)),
    )
  runs
    .command('watch <run>')
    .description('one run as it goes; its exit code is the run’s')
    .option('--no-wait', 'leave when it waits for an approval, with exit code 7')
    .action(async (run: string, options: { wait: boolean }) =>
      done(await (await import('./run-watch.ts')).watch(context(), run, options)),
    )
  runs
    .command('logs <run> [stage]')
    .description('what its stages wrote, from whichever hosts have it')
    .option('--item <number>', 'one item of a forEach', wholeNumber('--item'))
    .option(
      '--attempt <number>',
      'of this try (default: the last; of a race both, and in the end the one that counts)',
      wholeNumber('--attempt', 1),
    )
    .option('-f, --follow', 'go on until the run has ended')
    .action(async (run: string, stage: string | undefined, options) =>
      done(await (await import('./run-logs.ts')).logs(context(), run, stage, options)),
    )
  runs
    .command('artifacts <run> [stage]')
    .description('files that its stages hand on, and who has them; with --to, brings them here')
    .option('--item <number>', 'of one item of a forEach', wholeNumber('--item'))
    .option('--to <directory>', 'save them there')
    .option('--file <path>', 'only this one')
    .action(async (run: string, stage: string | undefined, options: ArtifactFlags) =>
      done(await (await import('./run-artifacts.ts')).artifacts(context(), run, stage, options)),
    )
  runs
    .command('explain <run> [stage]')
    .description(
      'why stages wait, where they went and why, and what each host lacks; of a run that is over, how they ended',
    )
    .option('--item <number>', 'one item of a forEach', wholeNumber('--item'))
    .action(async (run: string, stage: string | undefined, options: { item?: string }) =>
      done(await (await import('./run-explain.ts')).explain(context(), run, stage, options)),
    )
}

function addDecideCommands(runs: Command, { done, context }: Parts): void {
  runs
    .command('cancel <run>')
    .description('stop it politely, undo what says how, and clean up')
    .option('--reason <text>', 'for those who look later', '')
    .action(async (run: string, { reason }: { reason: string }) =>
      done(await (await import('./runs.ts')).stop(context(), run, 'cancel', reason)),
    )
  runs
    .command('kill <run>')
    .description('stop it at once; nothing is undone')
    .option('--reason <text>', 'for those who look later', '')
    .action(async (run: string, { reason }: { reason: string }) =>
      done(await (await import('./runs.ts')).stop(context(), run, 'kill', reason)),
    )
  runs
    .command('resume [runs...]')
    .description('begin again what an emergency stop has ended, all or these; asks first')
    .action(async (references: string[]) =>
      done(await (await import('./runs-resume.ts')).resumeRuns(context(), references)),
    )
  const retry = runs
    .command('retry <run>')
    .description('do a run again in part, as a new run')
    .option('--from <stage...>', 'these stages and all that come after them')
    .option('--only <stage...>', 'only these stages')
    .option('--failed', 'what did not succeed or was undone, and all that comes after')
  addStartOptions(retry).action(async (run: string, options) =>
    done(await (await import('./run.ts')).retry(context(), run, options)),
  )
}

function addApprovals({ program, done, context }: Parts): void {
  for (const verb of ['approve', 'deny'] as const) {
    program
      .command(`${verb} <run> [stage]`)
      .description(
        verb === 'approve' ? 'say yes to what a run waits for' : 'say no to it; one is enough',
      )
      .option('--item <number>', 'of a forEach', wholeNumber('--item'))
      .option('--note <text>', 'for those who look later')
      .action(async (run: string, stage: string | undefined, options) =>
        done(await (await import('./approve.ts')).vote(context(), verb, run, stage, options)),
      )
  }
  program
    .command('signal <event>')
    .description('send an event that stages may wait for')
    .option('--key <key>', 'only stages with the same key hear it')
    .option('--data <json>', 'what it says')
    .action(async (event: string, options) =>
      done(await (await import('./approve.ts')).signal(context(), event, options)),
    )
}
