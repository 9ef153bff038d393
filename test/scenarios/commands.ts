/** Every command of a scenario, by its verb, and the run of a script from its first to its last. */
import { describeEntry, describePosition } from '../../simulations/readable/entries.ts'
import { describeStatus } from '../../simulations/readable/status.ts'
import { acting } from './acting.ts'
import { Arguments } from './arguments.ts'
import type { Host } from './host.ts'
import type { Command, Script } from './script.ts'
import { settingUp } from './setting-up.ts'
import { nameOf, Stage } from './stage.ts'

export type Act = (stage: Stage, args: Arguments) => void

const stepping: Record<string, Act> = {
  'process-ready': (stage, args) => {
    for (const host of args.hosts(0)) stage.processReady(host)
  },
  'process-disk': (stage, args) => {
    const countMax = args.numberOption('count') ?? Number.POSITIVE_INFINITY
    for (const host of args.hosts(0)) stage.processDisk(host, countMax)
  },
  'deliver-msgs': (stage, args) => {
    const keep = args.flag('keep')
    for (const selection of selected(args)) stage.deliver(selection, keep)
  },
  'lose-msgs': (stage, args) => {
    for (const selection of selected(args)) stage.lose(selection)
  },
  stabilize: (stage, args) => stage.stabilize(args.hostsOrAll(0)),
  pass: (stage, args) => {
    const forMs = args.milliseconds(0)
    const hosts = args.words.length > 1 ? args.hosts(1) : stage.running
    for (const host of hosts) stage.pass(host, forMs)
  },
  sleep: (stage, args) => {
    const forMs = args.milliseconds(0)
    for (const host of args.hosts(1)) stage.wake(host, host.clockMs + forMs)
  },
  live: (stage, args) => stage.live(args.milliseconds(0)),
}

const looking: Record<string, Act> = {
  status: (stage, args) => {
    for (const host of args.hostsOrAll(0))
      for (const line of describeStatus(host.running.status(), nameOf)) stage.print(line)
  },
  'raft-log': (stage, args) => {
    for (const host of args.hosts(0)) for (const line of logOf(host)) stage.print(line)
  },
}

const acts: Record<string, Act> = { ...settingUp, ...acting, ...stepping, ...looking }

/** What each block prints. Throws, with the line, when a command cannot be carried out. */
export function runScript(script: Script): string[][] {
  const stage = new Stage()
  return script.blocks.map(({ commands }) => commands.flatMap((command) => run(stage, command)))
}

function run(stage: Stage, command: Command): string[] {
  const { verb, line, quiet } = command
  try {
    const act = acts[verb]
    if (act === undefined) throw new Error(`no command ${verb}`)
    const args = new Arguments(stage, command)
    act(stage, args)
    args.assertAllRead()
  } catch (error) {
    const printed = stage.takeLines().slice(-20).join('\n')
    throw new Error(`line ${line}, ${verb}: ${String(error)}\n${printed}`, { cause: error })
  }
  const lines = stage.takeLines()
  return quiet ? [] : lines
}

function selected(args: Arguments) {
  const from = args.peersOption('from')?.[0]
  const kind = args.option('kind')
  const countMax = args.numberOption('count')
  const skip = args.numberOption('skip') ?? 0
  return args.addressees(0).map((to) => ({
    to,
    skip,
    ...(from === undefined ? {} : { from }),
    ...(kind === undefined ? {} : { kind }),
    ...(countMax === undefined ? {} : { countMax }),
  }))
}

/** What is on its disk, as a restart would find it. */
function logOf({ disk }: Host): string[] {
  const { snapshot, entries, hardState } = disk
  const base = snapshot.index === 0 ? [] : [`snapshot ${describePosition(snapshot)}`]
  const lines = entries.map((entry, i) => describeEntry(entry, snapshot.index + 1 + i, nameOf))
  const { term, vote, commit } = hardState
  return [`t${term}, ${vote ? `vote ${vote}` : 'no vote'}, commit ${commit}`, ...base, ...lines]
}
