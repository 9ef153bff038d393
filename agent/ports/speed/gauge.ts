/** The host's `SpeedGauge`: a process of its own, so that nothing of it stays in the agent. */
import { execFile } from 'node:child_process'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { HostSpeed, SpeedGauge } from '../../../protocol/ports/speed.ts'
import { speedLimits } from './limits.ts'

export class ProcessSpeedGauge implements SpeedGauge {
  readonly #file: string
  readonly #program: string

  /** Where the agent keeps its data: there the disk is tried. */
  constructor(directory: string, program: URL = new URL('./program.ts', import.meta.url)) {
    this.#file = join(directory, 'speed.tmp')
    this.#program = fileURLToPath(program)
    // An earlier life may have ended in the middle of it.
    remove(this.#file)
  }

  measure(givenUp: AbortSignal): Promise<HostSpeed> {
    const { processMsMax, saidBytesMax } = speedLimits
    const killSignal = 'SIGKILL'
    const options = { cwd: '/', env: {}, timeout: processMsMax, maxBuffer: saidBytesMax }
    return new Promise((resolve, reject) => {
      givenUp.throwIfAborted()
      const end = () => child.kill(killSignal)
      const child = execFile(
        process.execPath,
        [this.#program, this.#file],
        { ...options, killSignal },
        (error, said) => {
          givenUp.removeEventListener('abort', end)
          // Whoever was ended before it was through has not tidied up.
          remove(this.#file)
          if (error) return reject(error)
          const speed = speedFrom(said)
          if (speed === undefined) reject(new Error('the process said nothing that makes sense'))
          else resolve(speed)
        },
      )
      givenUp.addEventListener('abort', end)
    })
  }
}

function remove(file: string): void {
  try {
    rmSync(file, { force: true })
  } catch {
    // A directory that lets nothing go is told of by the disk.
  }
}

function parsed(said: string): HostSpeed | undefined {
  try {
    return JSON.parse(said) as HostSpeed
  } catch {
    return undefined
  }
}

function speedFrom(said: string): HostSpeed | undefined {
  if (!said.endsWith('}\n')) return undefined
  const read = parsed(said)
  if (read === undefined) return undefined
  const figures = [read.cpuRoundsPerSecond, read.memoryBytesPerSecond]
  return figures.every((figure) => figure > 0 && Number.isFinite(figure)) ? read : undefined
}
