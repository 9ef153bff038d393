/** The `SpeedGauge` port: a machine says at once, by the world's time a little later, how quick it is. */
import {
  type HostSpeed,
  type SpeedGauge,
  usualRoundsPerSecond,
} from '../../protocol/ports/speed.ts'
import type { Host } from './host.ts'

const tookMs = 500

export class SimulatedSpeedGauge implements SpeedGauge {
  private readonly host: Host

  constructor(host: Host) {
    this.host = host
  }

  measure(givenUp: AbortSignal): Promise<HostSpeed> {
    const { host } = this
    const { speed } = host.machine.options
    return new Promise((resolve, reject) => {
      givenUp.addEventListener('abort', () => reject(givenUp.reason))
      host.later(tookMs, 'process', 'speed', () =>
        resolve({
          cpuRoundsPerSecond: speed * usualRoundsPerSecond,
          memoryBytesPerSecond: speed * 8e9,
          diskBytesPerSecond: 2e8,
          syncMs: host.platter.options.syncMs,
        }),
      )
    })
  }
}
