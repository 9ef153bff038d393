/**
 * What simulated stages do: programs of every character, each of which says when it begins and how
 * it means to end. All are `/work`; the words after it say which one, and how.
 */

import type { Program, ProgramSelf, Programs } from '../../world/programs.ts'
import { stageTimes } from './limits.ts'
import { fileOf } from './sketch.ts'

/** What a program tells the witness, who is not of this world. */
export interface Ear {
  /** It begins. Returns what marks all that this start of it hands on, and no other. */
  begins(self: ProgramSelf): string
  /** It is about to exit with this code, and has written that to `$SKEIN_OUTPUT`. */
  exits(self: ProgramSelf, mark: string, code: number, written: string | undefined): void
}

/** One start of a program. */
class Part {
  readonly self: ProgramSelf
  readonly mark: string
  readonly argument: number
  private readonly ear: Ear
  private written: string | undefined

  constructor(self: ProgramSelf, ear: Ear) {
    this.self = self
    this.ear = ear
    this.mark = ear.begins(self)
    this.argument = Number(self.argv[2] ?? 0)
  }

  get attempt(): number {
    return Number(this.self.env.SKEIN_ATTEMPT)
  }

  write(text: string): void {
    this.written = text
    this.self.writeFile(this.self.env.SKEIN_OUTPUT ?? '', text)
  }

  /** After so long, with what marks this start among its outputs, and in a file of its stage. */
  succeeds(ms: number): void {
    this.self.after(ms, () => {
      const { SKEIN_STAGE = '', SKEIN_ITEM } = this.self.env
      this.self.writeFile(`${this.self.cwd}/${fileOf(SKEIN_STAGE, SKEIN_ITEM)}`, this.mark)
      this.write(JSON.stringify({ v: this.mark }))
      this.exit(0)
    })
  }

  fails(ms: number, code: number): void {
    this.self.after(ms, () => this.exit(code))
  }

  exit(code: number): void {
    this.ear.exits(this.self, this.mark, code, this.written)
    this.self.exit(code)
  }
}

/** Some attempts, whoever does them; the same ones whenever the history is played. */
function isUnlucky({ self: { env } }: Part): boolean {
  const { SKEIN_RUN, SKEIN_STAGE, SKEIN_ITEM = '', SKEIN_ATTEMPT } = env
  let sum = 0
  for (const each of `${SKEIN_RUN}/${SKEIN_STAGE}/${SKEIN_ITEM}#${SKEIN_ATTEMPT}`) {
    sum = (31 * sum + (each.codePointAt(0) ?? 0)) % 65_521
  }
  return sum % 3 === 0
}

type Character = (part: Part) => void

/** Lives on, and does not care who asks it to end. */
const stray: Program = (self) => {
  self.on('SIGTERM', 'nothing')
  self.on('SIGHUP', 'nothing')
  self.after(stageTimes.straysMs, () => self.exit(0))
}

const characters: Readonly<Record<string, Character>> = {
  /** Takes so long, and is done. */
  takes: (part) => part.succeeds(part.argument),
  /** Mostly takes so long, and now and then far longer than anybody would think. */
  lags: (part) => part.succeeds(isUnlucky(part) ? stageTimes.lagMs : part.argument),
  fails: (part) => part.fails(5, part.argument),
  /** Fails so many times in a row. */
  stumbles: (part) => (part.attempt <= part.argument ? part.fails(10, 75) : part.succeeds(20)),
  dies: ({ self, argument }) => self.after(argument, () => self.die('SIGKILL')),
  /** Does not end when it is asked to. */
  ignores: (part) => {
    part.self.on('SIGTERM', 'nothing')
    part.succeeds(part.argument)
  },
  /** Ends when it is asked to, in its own time, and calls that a success. */
  obeys: (part) => {
    part.self.on('SIGTERM', () => part.succeeds(300))
    part.succeeds(part.argument)
  },
  hangs: () => {},
  /** Ends, and leaves a child in its group that does not. */
  forks: (part) => {
    part.self.fork(stray)
    part.succeeds(part.argument)
  },
  /** Ends, and leaves one that has made itself a session. */
  leaves: (part) => {
    part.self.leave(stray)
    part.succeeds(part.argument)
  },
  /** Waits for its children, and is gone before them when it is asked to end. */
  herds: (part) => {
    part.self.fork(stray)
    part.self.leave(stray)
    part.self.after(part.argument, () => part.exit(0))
  },
  chats: (part) => {
    for (let line = 0; line < part.argument; line++) part.self.stdout(`${part.mark}: ${line}\n`)
    part.succeeds(30)
  },
  /** Hands on more than is taken. */
  floods: (part) => {
    part.self.after(10, () => {
      part.write(JSON.stringify({ v: 'x'.repeat(part.argument) }))
      part.exit(0)
    })
  },
  garbles: (part) => {
    part.self.after(10, () => {
      part.write('{ "v": ')
      part.exit(0)
    })
  },
  /** Takes more memory than it has asked for. */
  hogs: (part) => {
    part.self.after(50, () => part.self.use({ memoryBytes: part.argument }))
    part.succeeds(400)
  },
  /** Says that it is alive, for so long; then it says nothing, and hangs. */
  beats: (part) => {
    let leftMs = part.argument
    const beat = (): void => {
      leftMs -= stageTimes.beatMs
      if (leftMs <= 0) return
      part.self.writeFile(part.self.env.SKEIN_PROGRESS ?? '', '0.5 on its way\n')
      part.self.after(stageTimes.beatMs, beat)
    }
    beat()
  },
}

export const PROGRAM = '/work'

export function programsOf(ear: Ear): Programs {
  return {
    [PROGRAM]: (self) => {
      const part = new Part(self, ear)
      const character = characters[self.argv[1] ?? '']
      if (character === undefined) part.exit(64)
      else character(part)
    },
  }
}
