/** The scripts of the contracts of processes and cells, as a simulated host runs them. */
import { type Program, type Programs, runs } from '../../simulations/world/programs.ts'
import { cellShell } from './cells.ts'
import { shell } from './processes.ts'

const minuteMs = 60_000

/** Says `ready` and goes on until a signal ends it. */
const lingers: Program = (self) => {
  self.stdout('ready\n')
  self.after(minuteMs, () => self.exit(0))
}

const cellScripts: Record<keyof typeof cellShell, Program> = {
  escapes: (self) => {
    self.leave(runs(minuteMs))
    self.stdout('ready\n')
    self.exit(0)
  },
  burns: (self) => {
    self.use({ cpuCores: 1, memoryBytes: 1e6 })
    self.after(300, () => lingers(self))
  },
  burnsAndEnds: (self) => {
    self.use({ cpuCores: 1 })
    self.after(300, () => self.exit(0))
  },
  ticks: (self) => {
    lingers(self)
    const tick = (): void => {
      self.stdout('tick\n')
      self.after(20, tick)
    }
    tick()
  },
  pours: (self) => {
    self.on('SIGTERM', () => {
      self.stdout(new Uint8Array(1_000_000))
      self.exit(0)
    })
    lingers(self)
  },
  endsLater: (self) => {
    self.stdout('ready\n')
    self.after(200, () => self.exit(3))
  },
  grown: (self) => {
    self.use({ memoryBytes: 100e6 })
    lingers(self)
  },
  hoards: (self) => {
    self.use({ memoryBytes: 400e6 })
    self.after(100, () => self.exit(0))
  },
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
  ...commandLines(shell, scripts),
  ...commandLines(cellShell, cellScripts),
  '/usr/bin/head -c 1000000 /dev/zero': (self) => {
    for (let i = 0; i < 10; i++) self.stdout(new Uint8Array(100_000))
    self.exit(0)
  },
}

function commandLines<Name extends string>(
  texts: Record<Name, string>,
  programs: Record<Name, Program>,
): Programs {
  const names = Object.keys(texts) as Name[]
  return Object.fromEntries(names.map((name) => [`/bin/sh -c ${texts[name]}`, programs[name]]))
}
