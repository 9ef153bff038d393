/** The grammar of agents on this host, and of a local mesh of them. */
import { Option } from 'commander'
import { configFlags } from '../../agent/config/reference.ts'
import { stopModes } from '../../protocol/estop/scope.ts'
import { Client } from './client.ts'
import type { Parts } from './grammar.ts'
import { signInFrom } from './operator-key.ts'
import { wholeNumber } from './usage.ts'
import { stateDirectory, type WhereFlags } from './where.ts'

export function addAgentCommands({ program, programs, done, context }: Parts): void {
  program.commandsGroup('Run agents:')
  program
    .command('init')
    .description('make a mesh: its keys, in a folder of their own')
    .option('--dir <folder>', 'a new folder for them', 'skein-mesh')
    .option('--operator <name>', 'who its first operator is (default: this user)')
    .option(
      '--public-key <file|key>',
      'a key of theirs in their ssh-agent (ssh-ed25519), instead of a new one',
    )
    .action(async (options) => {
      const { passphraseFile } = program.opts<WhereFlags>()
      done(await programs.init({ ...options, passphraseFile }))
    })
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
    .command('join <token>')
    .description(
      'let this host into a mesh, by a token of skein token create; - reads it from stdin',
    )
    .option('--config <file>', 'the configuration to write', 'agent.yaml')
    .option('--data-directory <folder>', 'where the agent keeps its data')
    .option('--name <name>', 'what to call it (default: the host’s name)')
    .action(async (token: string, options) => {
      const { json, quiet } = context()
      done(await programs.agentJoin({ ...options, token, json, quiet }))
    })
  agent
    .command('estop')
    .description('stop what this host runs, with no network and no control API; asks first')
    .requiredOption('--local', 'through the data directory of the agent')
    .requiredOption('--reason <text>', 'for those who look later')
    .addOption(
      new Option('--mode <mode>', 'what becomes of what runs').choices(stopModes).default('kill'),
    )
    .option('--scope <scope>', 'mesh, label:KEY=VALUE or run:ID (default: mesh)')
    .option('--config <file>', 'the agent’s configuration')
    .option('--data-directory <folder>', 'where the agent keeps its data')
    .action(async (flags) =>
      done(await (await import('./estop-local.ts')).estopLocal(context(), flags)),
    )
  agent
    .command('rekey')
    .description('seal the store of an agent that does not run with another key; asks first')
    .requiredOption('--to <file>', 'the new key, for store.keyFile afterwards')
    .option('--store-key-file <file>', 'the key that it is sealed with (default: store.keyFile)')
    .option('--config <file>', 'the agent’s configuration')
    .action(async (flags) => done(await (await import('./rekey.ts')).rekey(context(), flags)))
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
      const signIn = signInFrom(options.dir ?? stateDirectory(io.env))
      const view = async (address: string, until: AbortSignal) => {
        const { top } = await import('./top.ts')
        const { terminalKeys } = await import('./keys.ts')
        const client = new Client(address, signIn, until)
        const viewed = { ...context(), client, interrupted: until }
        await top(viewed, {}, terminalKeys(), `skein   ${address}   q or Ctrl-C stops the mesh`)
      }
      const begin = async (address: string, workflow: string, say: (text: string) => void) => {
        const { beginSample } = await import('./sample.ts')
        await beginSample(address, signIn, workflow, say)
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
