/**
 * What a cell without a control group has taken, pieced together from looks at its processes. It
 * misses what began and ended between two looks, unless a parent that was seen later waited for it.
 */
import type { CellUsage } from '../../../protocol/ports/cells.ts'
import { cellLimits } from '../limits.ts'
import { processStatus } from '../process-status.ts'
import { familyOf, ioOf, processStatApart } from './process-stat.ts'

export class Observation {
  #seen = false
  readonly #most = { userMs: 0, systemMs: 0, bytes: 0 }
  #io: { readBytes: number; writtenBytes: number } | undefined
  #looking = false

  /** It takes a while, in which others can be heard; a look that is going on is not begun again. */
  async look(leader: number): Promise<void> {
    if (this.#looking) return
    this.#looking = true
    try {
      await this.#lookAt(leader)
    } finally {
      this.#looking = false
    }
  }

  async #lookAt(leader: number): Promise<void> {
    const now = { userMs: 0, systemMs: 0, bytes: 0 }
    for (const pid of familyOf(leader, cellLimits.observedProcessesMax)) {
      const stat = await processStatApart(pid)
      if (stat === undefined || stat.ended) continue
      this.#seen = true
      now.userMs += stat.cpuUserMs
      now.systemMs += stat.cpuSystemMs
      now.bytes += stat.residentBytes
      this.#most.bytes = Math.max(this.#most.bytes, processStatus(pid)?.peakBytes ?? 0)
    }
    for (const figure of ['userMs', 'systemMs', 'bytes'] as const) {
      this.#most[figure] = Math.max(this.#most[figure], now[figure])
    }
    this.#io = (await ioOf(leader)) ?? this.#io
  }

  usage(): CellUsage {
    if (!this.#seen) return {}
    const { userMs, systemMs, bytes } = this.#most
    return {
      cpuUserMs: userMs,
      cpuSystemMs: systemMs,
      memoryPeakBytes: bytes,
      ...(this.#io && { ioReadBytes: this.#io.readBytes, ioWrittenBytes: this.#io.writtenBytes }),
    }
  }
}
