/**
 * Redis as Debian packages it, for the peer of `skein bench stages`: one server on loopback with its
 * append-only file on, in a folder of this run: synced once a second, as is its default, or before
 * each answer. Snapshots beside that are off, so that none is taken while something is measured.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePorts } from './free-ports.ts'

const READY_DEADLINE_MS = 10_000
const LOOK_AGAIN_MS = 20

export class Redis {
  readonly port: number
  private readonly directory: string
  private readonly server: ChildProcess

  private constructor(port: number, directory: string, server: ChildProcess) {
    this.port = port
    this.directory = directory
    this.server = server
  }

  /** Undefined when it is not installed. */
  static async start(synced: 'everySecond' | 'always'): Promise<Redis | undefined> {
    const [port] = (await freePorts(1)) as [number]
    const directory = mkdtempSync(join(tmpdir(), 'skein-bench-redis-'))
    const args = ['--bind', '127.0.0.1', '--port', String(port), '--dir', directory]
    const sync = synced === 'always' ? 'always' : 'everysec'
    const kept = ['--appendonly', 'yes', '--appendfsync', sync, '--save', '']
    const server = spawn('redis-server', [...args, ...kept], { stdio: 'ignore' })
    const redis = new Redis(port, directory, server)
    try {
      await new Promise((resolve, reject) => {
        server.once('spawn', resolve)
        server.once('error', reject)
      })
      await redis.answers()
      return redis
    } catch (error) {
      await redis.stop()
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      throw error
    }
  }

  async stop(): Promise<void> {
    const { server } = this
    if (server.pid !== undefined && server.exitCode === null && server.signalCode === null) {
      const gone = new Promise((resolve) => server.once('exit', resolve))
      // Nothing of it is needed any more.
      server.kill('SIGKILL')
      await gone
    }
    rmSync(this.directory, { recursive: true, force: true })
  }

  private async answers(): Promise<void> {
    const deadlineMs = performance.now() + READY_DEADLINE_MS
    while (!(await accepts(this.port))) {
      if (this.server.exitCode !== null) throw new Error('redis-server ended at once')
      if (performance.now() > deadlineMs) throw new Error('redis-server did not become ready')
      await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS))
    }
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    const answer = (open: boolean) => () => {
      socket.destroy()
      resolve(open)
    }
    socket.once('connect', answer(true))
    socket.once('error', answer(false))
  })
}
