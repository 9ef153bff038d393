/** The grammar of agents on this host, and of a local mesh of them. */
import { Option } from 'commander'
import { configFlags } from '../../agent/config/reference.ts'
import { Client } from './client.ts'
import type { Parts } from './grammar.ts'
import { wholeNumber } from './usage.ts'

export function addAgentCommands({ program, programs, done, context }: Parts): void {
  program.commandsGroup('Run agents:')
  program
    .command('init')
    .description('make a mesh: its swarm key, in a folder of your choice')
    .option('--dir <folder>', 'where to', '.')
    .action(async (options) => done(await programs.init(options)))
  const agent = program.command('agent').description('the agent on this host').helpCommand(false)
  const runCommand = agent
    .command('run')
    .description('run it in the foreground, as systemd does')
    .option('--config <file>', 'its configuration, YAML or JSON')
  for (const { flags, negated, description } of configFlags()) {
    runCommand.option(flags, description)
    if (negated) runCommand.option(negated)
  }
  runCommand.action(async ({ config, ...flags }) => {
    done(await programs.agentRun({ flags, ...(config === undefined ? {} : { config }) }))
  })
  agent
    .command('join <addresses...>')
    .description('prepare this host to join a mesh: its swarm key and where to ask')
    .requiredOption('--swarm-key <file>', 'the swarm key of the mesh')
    .option('--config <file>', 'the configuration to write', 'agent.yaml')
    .option('--data-directory <folder>', 'where the agent keeps its data')
    .action(async (addresses, options) => done(await programs.agentJoin({ ...options, addresses })))
  agent
    .command('leave')
    .description('leave the mesh in good order and stop; asks first')
    .action(async () => done(await (await import('./leave.ts')).leave(context())))
}

export function addLocalCommands({ program, programs, done, context }: Parts): void {
  program.commandsGroup('Try it on this machine:')
  program
    .command('up')
    .description('a local mesh of real agents; Ctrl-C stops it')
    .option('--nodes <count>', 'how many', wholeNumber('--nodes'), '5')
    .option('--detach', 'leave it running in the background')
    .addOption(new Option('--sample', 'run a sample workflow on it').conflicts('detach'))
    .option('--dir <folder>', 'where it lives (default: $SKEIN_HOME, else .skein)')
    .action(async (options) => {
      const { io, quiet } = context()
      const view = async (address: string, until: AbortSignal) => {
        const { top } = await import('./top.ts')
        const { terminalKeys } = await import('./keys.ts')
        const viewed = { ...context(), client: new Client(address, until), interrupted: until }
        await top(viewed, {}, terminalKeys(), `skein   ${address}   q or Ctrl-C stops the mesh`)
      }
      const begin = async (address: string, workflow: string, say: (text: string) => void) => {
        const { beginSample } = await import('./sample.ts')
        await beginSample(address, workflow, say)
      }
      const viewed = io.terminal && !quiet && !options.detach ? { view } : {}
      done(
        await programs.up({
          ...options,
          nodes: Number(options.nodes),
          ...viewed,
          ...(options.sample ? { begin } : {}),
        }),
      )
    })
  program
    .command('down')
    .description('stop it; its data stays')
    .option('--dir <folder>', 'where it lives (default: $SKEIN_HOME, else .skein)')
    .action(async (options) => done(await programs.down(options)))
}
