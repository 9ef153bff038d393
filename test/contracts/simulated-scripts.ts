/** The scripts of the processes contract, as a simulated host runs them. */
import { type Program, type Programs, runs } from '../../simulations/world/programs.ts'
import { shell } from './processes.ts'

const minuteMs = 60_000

/** Says `ready` and goes on until a signal ends it. */
const lingers: Program = (self) => {
  self.stdout('ready\n')
  self.after(minuteMs, () => self.exit(0))
}

const scripts: Record<keyof typeof shell, Program> = {
  exitThree: runs(1, 3),
  bothOutputs: (self) => {
    self.stdout('out')
    self.stderr('err')
    self.exit(0)
  },
  oddBytes: (self) => {
    self.stdout(Uint8Array.of(255, 1, 0, 10))
    self.exit(0)
  },
  killsItself: (self) => self.die('SIGKILL'),
  printsDirectory: (self) => {
    self.stdout(`${self.cwd}\n`)
    self.exit(0)
  },
  sleeps: lingers,
  ignoresTerm: (self) => {
    self.on('SIGTERM', 'nothing')
    lingers(self)
  },
  catchesTerm: (self) => {
    self.on('SIGTERM', () => self.exit(7))
    lingers(self)
  },
  leavesChild: (self) => {
    self.fork(runs(minuteMs))
    self.stdout('ready\n')
    self.exit(0)
  },
  hasGrandchildren: (self) => {
    self.fork((child) => {
      child.fork(runs(minuteMs))
      child.fork(runs(minuteMs))
      lingers(child)
    })
    self.after(minuteMs, () => self.exit(0))
  },
}

export const simulatedScripts: Programs = {
  ...Object.fromEntries(
    Object.entries(scripts).map(([name, program]) => {
      return [`/bin/sh -c ${shell[name as keyof typeof shell]}`, program]
    }),
  ),
  '/usr/bin/head -c 1000000 /dev/zero': (self) => {
    for (let i = 0; i < 10; i++) self.stdout(new Uint8Array(100_000))
    self.exit(0)
  },
}
