/** The `Processes` port of one life of a host. */

import type { Entropy } from '../../protocol/ports/entropy.ts'
import {
  type Processes,
  type ProcessOutput,
  type ProcessSpec,
  type RunningProcess,
  StartError,
} from '../../protocol/ports/processes.ts'
import { quickUnit } from './entropy.ts'
import type { Host } from './host.ts'
import { processTimes } from './limits.ts'

export class SimulatedProcesses implements Processes {
  private readonly host: Host
  private readonly life: number
  private readonly entropy: Entropy

  constructor(host: Host) {
    this.host = host
    this.life = host.life
    this.entropy = host.world.entropy.stream(`processes/${host.name}/${host.life}`)
  }

  start(spec: ProcessSpec, output: ProcessOutput): Promise<RunningProcess> {
    return new Promise((resolve, reject) => {
      if (this.life !== this.host.life) return
      const tookMs = processTimes.startMs + processTimes.startJitterMs * quickUnit(this.entropy)
      this.host.later(tookMs, 'process', 'start', () => {
        const table = this.host.processTable
        const program = table.find(spec)
        if (typeof program === 'string') {
          reject(new StartError(program, `cannot start ${spec.argv[0]} in ${spec.cwd}: ${program}`))
          return
        }
        const group = table.start(program, spec, output)
        resolve({
          pid: group.pid,
          signal: (signal) => group.signal(signal),
          exited: () => group.leaderExit(),
          groupAlive: () => group.members.size > 0,
        })
      })
    })
  }
}
