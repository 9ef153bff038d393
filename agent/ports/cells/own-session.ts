/**
 * Lets the agent go before others for as long as it takes to stop its work: it has its turn a dozen
 * times between hearing a stop and killing, and where others want the cores it waits for each of them
 * every time. Where the system shares out cores between sessions (autogroups of Linux), that of the
 * agent weighs more meanwhile; where it does so between control groups, what is written is of no
 * effect.
 *
 * Only where the session is the agent's own: that of a shell is no affair of the agent's.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { cellLimits } from '../limits.ts'

/** Of a process: its session is the sixth of these, whatever its name. */
const SESSION_FIELD = 6

export interface SessionFiles {
  /** `pid (name) state ppid pgrp session …` */
  stat: string
  /** `/autogroup-17 nice 0`, and a figure is written to it. */
  autogroup: string
}

const ownFiles: SessionFiles = { stat: '/proc/self/stat', autogroup: '/proc/self/autogroup' }

export class OwnSession {
  readonly #file: string
  readonly #usual: number
  #hurried = 0

  private constructor(file: string, usual: number) {
    this.#file = file
    this.#usual = usual
  }

  /** Undefined where there is nothing that could be weighed, or it is not the agent's own. */
  static open(pid: number, files: SessionFiles = ownFiles): OwnSession | undefined {
    try {
      const stat = readFileSync(files.stat, 'latin1')
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      if (Number(fields[SESSION_FIELD - 3]) !== pid) return undefined
      const usual = / nice (-?\d+)/.exec(readFileSync(files.autogroup, 'latin1'))
      return usual === null ? undefined : new OwnSession(files.autogroup, Number(usual[1]))
    } catch {
      return undefined
    }
  }

  /** Until what is returned is called. */
  hurry(): () => void {
    if (this.#hurried++ === 0) this.#weigh(Math.min(this.#usual, cellLimits.hurriedPriority))
    let isOver = false
    return () => {
      if (isOver) return
      isOver = true
      if (--this.#hurried === 0) this.#weigh(this.#usual)
    }
  }

  #weigh(priority: number): void {
    try {
      writeFileSync(this.#file, String(priority))
    } catch {
      // Only who may do anything on this host may go before others.
    }
  }
}
