/** A made-up host: files of /proc and /sys in a directory, for the telemetry to read. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { TestContext } from 'node:test'
import { LinuxTelemetry } from '../../agent/ports/telemetry/linux.ts'
import type { Clock } from '../../protocol/ports/clock.ts'

export class RecordedHost {
  readonly root: string
  nowMs = 1_000

  constructor(test: TestContext) {
    this.root = mkdtempSync(join(tmpdir(), 'skein-host-'))
    test.after(() => rmSync(this.root, { recursive: true, force: true }))
    this.write('proc/meminfo', 'MemTotal: 8000 kB\nMemAvailable: 6000 kB\n')
  }

  /** `{root}` in a text stands for where the host's files are. */
  write(path: string, text: string): void {
    const full = join(this.root, path)
    mkdirSync(dirname(full), { recursive: true })
    writeFileSync(full, text.replaceAll('{root}', this.root))
  }

  telemetry(test: TestContext): LinuxTelemetry {
    const telemetry = new LinuxTelemetry({
      clock: this.#clock(),
      dataDirectory: this.root,
      proc: join(this.root, 'proc'),
      sys: join(this.root, 'sys'),
    })
    test.after(() => telemetry.close())
    return telemetry
  }

  #clock(): Clock {
    const timers = () => {
      throw new Error('telemetry sets no timers')
    }
    return { now: () => this.nowMs, wall: () => 1e12 + this.nowMs, after: timers, every: timers }
  }
}
