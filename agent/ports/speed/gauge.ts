/** The host's `SpeedGauge`: a process of its own, so that nothing of it stays in the agent. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { HostSpeed, SpeedGauge } from '../../../protocol/ports/speed.ts'
import { speedLimits } from './limits.ts'

export class ProcessSpeedGauge implements SpeedGauge {
  readonly #directory: string

  /** Where the agent keeps its data: there the disk is tried. */
  constructor(directory: string) {
    this.#directory = directory
  }

  measure(): Promise<HostSpeed> {
    const program = fileURLToPath(new URL('./program.ts', import.meta.url))
    const file = join(this.#directory, 'speed.tmp')
    const { processMsMax, saidBytesMax } = speedLimits
    const options = { cwd: '/', env: {}, timeout: processMsMax, maxBuffer: saidBytesMax }
    return new Promise((resolve, reject) => {
      execFile(process.execPath, [program, file], options, (error, said) => {
        if (error) return reject(error)
        const speed = speedFrom(said)
        if (speed === undefined) reject(new Error('the process said nothing that makes sense'))
        else resolve(speed)
      })
    })
  }
}

function speedFrom(said: string): HostSpeed | undefined {
  if (!said.endsWith('}\n')) return undefined
  const read = JSON.parse(said) as HostSpeed
  const figures = [read.cpuRoundsPerSecond, read.memoryBytesPerSecond]
  return figures.every((figure) => figure > 0 && Number.isFinite(figure)) ? read : undefined
}
