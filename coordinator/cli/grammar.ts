/**
 * What may be said: the root of the grammar, and what all commands share. Each group of commands
 * adds its own; each command's file is loaded only when it runs, so that `skein --help` is quick.
 */
import { Command } from 'commander'
import { AGENT_VERSION } from '../../agent/version.ts'
import { Client } from './client.ts'
import { addAuditCommands } from './commands-audit.ts'
import { addBenchCommands } from './commands-bench.ts'
import { addConfigCommands } from './commands-config.ts'
import { addEstopCommands } from './commands-estop.ts'
import { addFederateCommands } from './commands-federate.ts'
import { addHistoryCommands } from './commands-history.ts'
import { addAgentCommands, addLocalCommands } from './commands-host.ts'
import { addKeyCommands } from './commands-keys.ts'
import { addMeshCommands, addNodeCommands } from './commands-mesh.ts'
import { addModelCommands } from './commands-models.ts'
import { addMoreCommands } from './commands-more.ts'
import { addPeopleCommands } from './commands-people.ts'
import { addRecoverCommands } from './commands-recover.ts'
import { addRunCommands } from './commands-runs.ts'
import { addSecretCommands } from './commands-secrets.ts'
import { addSimCommands } from './commands-sim.ts'
import { addTokenCommands } from './commands-tokens.ts'
import { addWorkCommands } from './commands-work.ts'
import type { Context } from './context.ts'
import type { Io } from './io.ts'
import { clientLimits } from './limits.ts'
import { signInWith } from './operator-key.ts'
import { type WhereFlags, whereOf } from './where.ts'

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
  | 'benchLedger'
  | 'benchFailover'
  | 'benchEstop'
  | 'benchFuzz'
  | 'benchAttack'
  | 'benchChaos'
  | 'benchCalm'
  | 'benchGrowth'
  | 'benchFederate'
  | 'benchInference'
  | 'benchPlacement'
  | 'benchStages'
  | 'benchRuns'
  | 'benchScale'
  | 'benchTrace'
  | 'benchFailoverWork'
  | 'simRun'
  | 'simSoak'
  | 'simReplay'
  | 'simCanary'
  | 'simEstop'
  | 'simMutants'

/** What a group of commands is given to add itself with. */
export interface Parts {
  program: Command
  programs: Programs
  /** Takes the exit code. */
  done: (code: number) => void
  context: () => Context
}

interface Globals extends WhereFlags {
  json?: boolean
  quiet?: boolean
  yes?: boolean
  color?: boolean
}

export interface Surroundings {
  io: Io
  programs: Programs
  interrupted: AbortSignal
  done: (code: number) => void
  /** Told of each client that is made. */
  calls: (client: Client) => void
}

export function grammar(around: Surroundings): Command {
  const program = new Command('skein')
  program
    .description('Run work across many machines without a control plane to babysit.')
    .version(AGENT_VERSION, '-V, --version', 'print the version')
    .option('--json', 'one JSON document, or one a line where it streams')
    .option(
      '--address <url>',
      'the agent to ask (default: $SKEIN_ADDRESS, else the local mesh or agent)',
    )
    .option(
      '--key-file <file>',
      'who asks: a person’s key (default: $SKEIN_KEY, else the profile’s)',
    )
    .option('--profile <name>', 'whose mesh and key (default: $SKEIN_PROFILE, else the one in use)')
    .option('--passphrase-file <file>', 'holds the passphrase of the key')
    .option('-q, --quiet', 'no talk on stderr')
    .option('--yes', 'go on where a command would ask')
    .option('--no-color', 'no colours')
    .helpOption('-h, --help', 'print this help')
    .helpCommand(false)
    .showSuggestionAfterError(true)
    .configureHelp({ showGlobalOptions: true })
    .exitOverride()
    .addHelpText(
      'after',
      `
Examples:
  skein up --nodes 5            a mesh of five real agents on this machine
  skein top                     watch them
  skein events -f               and hear what happens
  skein help nodes              what can be done with nodes

Exit codes, the same in every command:
  0  done                       6  some hosts failed or were silent
  1  it ran, and failed         7  it waits for an approval
  2  wrong use                  8  a plan shows changes
  3  not found                  9  a stale plan, or a conflict
  4  refused                   10  an emergency stop is in force
  5  no answer, or too late   130  Ctrl-C
`,
    )
    .addHelpText('afterAll', ({ command }) =>
      command.parent === null ? '' : '\nExit codes are those of all commands: skein --help',
    )
  const parts: Parts = {
    program,
    programs: around.programs,
    done: around.done,
    context: () => contextOf(program, around),
  }
  addMeshCommands(parts)
  addNodeCommands(parts)
  addWorkCommands(parts)
  addRunCommands(parts)
  addEstopCommands(parts)
  addAgentCommands(parts)
  addRecoverCommands(parts)
  addTokenCommands(parts)
  addPeopleCommands(parts)
  addKeyCommands(parts)
  addAuditCommands(parts)
  addSecretCommands(parts)
  addConfigCommands(parts)
  addHistoryCommands(parts)
  addModelCommands(parts)
  addFederateCommands(parts)
  addLocalCommands(parts)
  addBenchCommands(parts)
  addSimCommands(parts)
  addMoreCommands(parts)
  return program
}

function contextOf(program: Command, { io, interrupted, calls }: Surroundings): Context {
  const { json = false, quiet = false, yes = false, color, ...where } = program.opts<Globals>()
  const { address, isGuess, key } = whereOf(where, io.env)
  const client = new Client(address, signInWith(key), interrupted, clientLimits, isGuess)
  calls(client)
  const colour = io.colour && color !== false && !json
  const said = { json, quiet, yes, address: where.address, who: whoSaid(where) }
  return { client, io: { ...io, colour }, ...said, interrupted }
}

function whoSaid({ keyFile, profile, passphraseFile }: WhereFlags): string {
  const flags = { 'key-file': keyFile, profile, 'passphrase-file': passphraseFile }
  return Object.entries(flags)
    .flatMap(([flag, value]) => (value === undefined ? [] : [` --${flag} ${value}`]))
    .join('')
}
