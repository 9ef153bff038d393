/** The grammar of what shows and changes the mesh and its nodes. */
import { Option } from 'commander'
import type { Context } from './context.ts'
import type { Parts } from './grammar.ts'
import { EVENTS_MAX, HISTORY_MINUTES_MAX } from './limits.ts'
import { wholeNumber } from './usage.ts'

type Action = (context: Context) => Promise<number>

export function addMeshCommands({ program, done, context }: Parts): void {
  const act = (action: Action) => async () => done(await action(context()))
  program.commandsGroup('See the mesh:')
  program
    .command('status')
    .description('the mesh and its nodes at a glance')
    .action(act(async (it) => (await import('./status.ts')).status(it)))
  program
    .command('top')
    .description('live table of load; q leaves')
    .option('--once', 'print it once')
    .addOption(
      new Option('--sort <by>', 'by which figure')
        .choices(['name', 'cpu', 'memory'])
        .default('name'),
    )
    .action(async (options) => {
      const { top } = await import('./top.ts')
      const { terminalKeys } = await import('./keys.ts')
      done(await top(context(), options, terminalKeys()))
    })
  program
    .command('health')
    .description('what is not well, why, and what to do; exit 1 if anything')
    .action(act(async (it) => (await import('./status.ts')).health(it)))
  program
    .command('events')
    .description('what happened, and with -f what happens')
    .option('-f, --follow', 'go on until Ctrl-C')
    .option('--since <seq>', 'all that came after this event', wholeNumber('--since'))
    .option(
      '--last <count>',
      'at most so many of the past (default: 100)',
      wholeNumber('--last', 0, EVENTS_MAX),
    )
    .action(async (options) => done(await (await import('./events.ts')).events(context(), options)))
}

export function addNodeCommands({ program, done, context }: Parts): void {
  const nodes = program.command('nodes').description('the hosts of the mesh').helpCommand(false)
  nodes
    .command('ls')
    .description('all of them, also dead and left ones')
    .addOption(
      new Option('--state <state>', 'in this state').choices(['alive', 'suspect', 'dead', 'left']),
    )
    .option('--label <key=value...>', 'with these labels')
    .action(async (options) => done(await (await import('./nodes.ts')).list(context(), options)))
  nodes
    .command('show <node>')
    .description('one of them closely, with its last hour')
    .option(
      '--minutes <count>',
      'how far back',
      wholeNumber('--minutes', 0, HISTORY_MINUTES_MAX),
      '60',
    )
    .action(async (node, options) =>
      done(await (await import('./node-detail.ts')).show(context(), node, options)),
    )
  nodes
    .command('label <node> <changes...>')
    .description('set labels with key=value, remove them with key-')
    .action(async (node, changes) =>
      done(await (await import('./nodes.ts')).label(context(), node, changes)),
    )
  nodes
    .command('drain <node>')
    .description('give it no more work; what runs there ends')
    .option('--reason <text>', 'for those who look later', '')
    .action(async (node: string, { reason }: { reason: string }) =>
      done(await (await import('./nodes.ts')).drain(context(), node, true, reason)),
    )
  nodes
    .command('undrain <node>')
    .description('give it work again')
    .action(async (node: string) =>
      done(await (await import('./nodes.ts')).drain(context(), node, false)),
    )
  nodes
    .command('revoke <node>')
    .description('take its key back for good: it is turned away everywhere, at once')
    .requiredOption('--reason <text>', 'for those who look later')
    .action(async (node: string, options: { reason: string }) =>
      done(await (await import('./nodes.ts')).revoke(context(), node, options)),
    )
  for (const verb of ['promote', 'demote'] as const) {
    nodes
      .command(`${verb} <node>`)
      .description(
        verb === 'promote' ? 'let it vote in the ledger' : 'let another vote in its place',
      )
      .action(async (node) => {
        const { voting } = await import('./nodes.ts')
        done(await voting(context(), node, verb === 'promote' ? 'auto' : 'never'))
      })
  }
  addModuleCommands({ program, done, context })
}

function addModuleCommands({ program, done, context }: Omit<Parts, 'programs'>): void {
  const modules = program.command('modules').description('the parts of an agent').helpCommand(false)
  modules
    .command('ls [node]')
    .description('their states')
    .action(async (node = 'self') =>
      done(await (await import('./modules.ts')).modules(context(), node)),
    )
  for (const verb of ['start', 'stop'] as const) {
    modules
      .command(`${verb} <module> [node]`)
      .description(verb === 'start' ? 'start one and what it needs' : 'stop one')
      .action(async (module, node = 'self') =>
        done(await (await import('./modules.ts')).turnModule(context(), verb, module, node)),
      )
  }
}
