/**
 * The command line: its grammar, its help, and the way from a refusal to an exit code. Each
 * command's own file is loaded only when it runs, so that `skein --help` is quick.
 */
import { Command, CommanderError } from 'commander'
import { configFlags } from '../../agent/config/reference.ts'
import { AGENT_VERSION } from '../../agent/version.ts'
import { type ExitCode, exitCodes } from '../../protocol/exit-codes.ts'
import { Problem } from '../../protocol/problem.ts'
import { Client } from './client.ts'
import type { Context } from './context.ts'
import { type Io, processIo } from './io.ts'
import { terminalKeys } from './keys.ts'
import { agentAddress } from './where.ts'

/** Programs that are no part of the coordinator, given by the launcher. */
export type Programs = Readonly<Record<ProgramName, (options: object) => Promise<number>>>
export type ProgramName =
  | 'agentRun'
  | 'init'
  | 'agentJoin'
  | 'up'
  | 'down'
  | 'benchIdle'
  | 'benchUp'
  | 'benchMembership'

interface Globals {
  json?: boolean
  address?: string
  quiet?: boolean
  color?: boolean
}

const SIGINT_TWICE_MS = 2_000

export async function run(
  argv: readonly string[],
  programs: Programs,
  io: Io = processIo(process.env),
): Promise<number> {
  let exitCode: number = exitCodes.done
  const interrupt = new AbortController()
  const program = grammar(io, programs, interrupt.signal, (code) => {
    exitCode = code
  })
  const stopListening = listenForInterrupt(interrupt)
  try {
    await program.parseAsync([...argv], { from: 'user' })
  } catch (error) {
    exitCode = tell(error, io, argv.includes('--json'))
  } finally {
    stopListening()
  }
  return exitCode
}

function grammar(
  io: Io,
  programs: Programs,
  interrupted: AbortSignal,
  done: (code: number) => void,
): Command {
  const program = new Command('skein')
  program
    .description('Run work across many machines without a control plane to babysit.')
    .version(AGENT_VERSION, '-V, --version', 'print the version')
    .option('--json', 'one JSON document, or one a line where it streams')
    .option(
      '--address <url>',
      'the agent to ask (default: $SKEIN_ADDRESS, else the local mesh or agent)',
    )
    .option('-q, --quiet', 'no talk on stderr')
    .option('--no-color', 'no colours')
    .helpCommand(false)
    .showSuggestionAfterError(true)
    .configureOutput({ writeOut: (text) => io.out(text), writeErr: (text) => io.err(text) })
    .configureHelp({ showGlobalOptions: true })
    .exitOverride()
    .addHelpText(
      'after',
      `
Examples:
  skein up --nodes 5            a mesh of five real agents on this machine
  skein top                     watch them
  skein events -f               and hear what happens
`,
    )
  const parts: Parts = {
    program,
    programs,
    done,
    context: () => {
      const globals = program.opts<Globals>()
      const colour = io.colour && globals.color !== false && globals.json !== true
      return {
        client: new Client(agentAddress(globals.address, io.env)),
        io: { ...io, colour },
        json: globals.json === true,
        quiet: globals.quiet === true,
        interrupted,
      }
    },
  }
  addMeshCommands(parts)
  addNodeCommands(parts)
  addAgentCommands(parts)
  addLocalCommands(parts)
  addBenchCommands(parts)
  addCompletion(parts)
  return program
}

interface Parts {
  program: Command
  programs: Programs
  done: (code: number) => void
  context: () => Context
}

type Action = (context: Context) => Promise<number>

function addMeshCommands({ program, done, context }: Parts): void {
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
    .option('--sort <by>', 'name, cpu or memory', 'name')
    .action(async (options) => {
      const { top } = await import('./top.ts')
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
    .option('--since <seq>', 'only what came after this event', wholeNumber('--since'))
    .option('--last <count>', 'at most so many of the past', wholeNumber('--last'), '100')
    .action(async (options) => done(await (await import('./events.ts')).events(context(), options)))
}

function addNodeCommands({ program, done, context }: Parts): void {
  const nodes = program.command('nodes').description('the hosts of the mesh')
  nodes
    .command('ls')
    .description('all of them, also dead and left ones')
    .option('--state <state>', 'alive, suspect, dead or left')
    .option('--label <key=value...>', 'with these labels')
    .action(async (options) => done(await (await import('./nodes.ts')).list(context(), options)))
  nodes
    .command('show <node>')
    .description('one of them closely, with its last hour')
    .option('--minutes <count>', 'how far back', wholeNumber('--minutes'), '60')
    .action(async (node, options) =>
      done(await (await import('./nodes.ts')).show(context(), node, options)),
    )
  nodes
    .command('label <node> <changes...>')
    .description('set labels with key=value, remove them with key-')
    .action(async (node, changes) =>
      done(await (await import('./nodes.ts')).label(context(), node, changes)),
    )
  const modules = program.command('modules').description('the parts of an agent')
  modules
    .command('ls [node]')
    .description('their states')
    .action(async (node = 'self') =>
      done(await (await import('./status.ts')).modules(context(), node)),
    )
  for (const verb of ['start', 'stop'] as const) {
    modules
      .command(`${verb} <module> [node]`)
      .description(verb === 'start' ? 'start one and what it needs' : 'stop one')
      .action(async (module, node = 'self') =>
        done(await (await import('./status.ts')).turnModule(context(), verb, module, node)),
      )
  }
}

function addAgentCommands({ program, programs, done, context }: Parts): void {
  program.commandsGroup('Run agents:')
  program
    .command('init')
    .description('make a mesh: its swarm key, in a folder of your choice')
    .option('--dir <folder>', 'where to', '.')
    .action(async (options) => done(await programs.init(options)))
  const agent = program.command('agent').description('the agent on this host')
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
    .description('leave the mesh in good order and stop')
    .action(async () => done(await (await import('./status.ts')).leave(context())))
}

function addLocalCommands({ program, programs, done, context }: Parts): void {
  program.commandsGroup('Try it on this machine:')
  program
    .command('up')
    .description('a local mesh of real agents; Ctrl-C stops it')
    .option('--nodes <count>', 'how many', wholeNumber('--nodes'), '5')
    .option('--detach', 'leave it running in the background')
    .option('--dir <folder>', 'where it lives (default: $SKEIN_HOME, else .skein)')
    .action(async (options) => {
      const { io, quiet } = context()
      const view = async (address: string, until: AbortSignal) => {
        const { top } = await import('./top.ts')
        const viewed = { ...context(), client: new Client(address), interrupted: until }
        await top(viewed, {}, terminalKeys(), `skein   ${address}   q or Ctrl-C stops the mesh`)
      }
      const viewed = io.terminal && !quiet && !options.detach ? { view } : {}
      done(await programs.up({ ...options, nodes: Number(options.nodes), ...viewed }))
    })
  program
    .command('down')
    .description('stop it; its data stays')
    .option('--dir <folder>', 'where it lives (default: $SKEIN_HOME, else .skein)')
    .action(async (options) => done(await programs.down(options)))
}

function addBenchCommands({ program, programs, done, context }: Parts): void {
  const bench = program.command('bench').description('measure this version on this machine')
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
}

function addCompletion({ program, done, context }: Parts): void {
  program.commandsGroup('More:')
  program
    .command('completion <shell>')
    .description('what bash, zsh or fish need to complete skein’s words')
    .action(async (shell: string) => {
      const { completionScript } = await import('./completion.ts')
      context().io.out(completionScript(shell))
      done(exitCodes.done)
    })
  program
    .command('__complete [words...]', { hidden: true })
    .allowUnknownOption()
    .action(async (words: string[] = []) => {
      const { complete } = await import('./completion.ts')
      const found = await complete(program, words, context().client)
      context().io.out(found.map((word) => `${word}\n`).join(''))
      done(exitCodes.done)
    })
}

function wholeNumber(flag: string): (text: string) => string {
  return (text) => {
    if (/^\d+$/.test(text)) return text
    throw new Problem({
      code: 'badNumber',
      why: `${flag} is ${JSON.stringify(text)}, which is no whole number`,
      fix: 'write digits only',
      exitCode: exitCodes.usage,
    })
  }
}

function tell(error: unknown, io: Io, json: boolean): ExitCode {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return exitCodes.done
    // `skein nodes` alone shows its help; that is wrong use, but no mistake to explain.
    if (json) io.err(`${errorDocument('usage', error.message, 'see skein --help')}\n`)
    return exitCodes.usage
  }
  if (error instanceof Problem) {
    const { code, why, fix, exitCode } = error
    io.err(json ? `${errorDocument(code, why, fix)}\n` : `skein: ${why}; ${fix}\n`)
    return exitCode
  }
  throw error
}

function errorDocument(code: string, why: string, fix: string): string {
  return JSON.stringify({ schemaVersion: 1, error: { code, why, fix } })
}

/** The first Ctrl-C ends what runs in good order; a second soon after ends the program. */
function listenForInterrupt(interrupt: AbortController): () => void {
  let lastMs = Number.NEGATIVE_INFINITY
  const onSignal = () => {
    const nowMs = performance.now()
    if (nowMs - lastMs < SIGINT_TWICE_MS) process.exit(exitCodes.interrupted)
    lastMs = nowMs
    interrupt.abort()
  }
  process.on('SIGINT', onSignal)
  // A reader that has seen enough (`| head`) is no error.
  const onPipe = (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(exitCodes.done)
    throw error
  }
  process.stdout.on('error', onPipe)
  return () => {
    process.off('SIGINT', onSignal)
    process.stdout.off('error', onPipe)
  }
}
