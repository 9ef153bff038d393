/** Hosts in processes of their own: started, asked and killed from a test. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import type { Purpose } from '../../protocol/ports/network.ts'
import type { Weight } from './hosting.ts'

export { startHost, topic } from './hosts.ts'

export const echo: Purpose = '/skein/test-echo/1'

export interface HostProcess {
  readonly self: PeerId
  readonly address: string
  weigh(): Promise<Weight>
  /** At once, as the kernel does it when memory runs out. */
  kill(): Promise<void>
}

export async function forkHost(number: number): Promise<HostProcess> {
  const child = program('./hosting.ts', [String(number)])
  const { self, address } = (await said(child)) as { self: PeerId; address: string }
  return {
    self,
    address,
    weigh: () => {
      child.send('weigh')
      return said(child) as Promise<Weight>
    },
    kill: () => killed(child),
  }
}

export interface Flood {
  /** Resolves when everything has been written. */
  readonly over: Promise<{ written: number; identities: number }>
  kill(): Promise<void>
}

export function forkFlood(victim: string, bytes: number): Flood {
  const child = program('./flooding.ts', [victim, String(bytes)])
  const over = said(child) as Flood['over']
  return { over, kill: () => killed(child) }
}

function program(path: string, args: string[]): ChildProcess {
  return fork(fileURLToPath(new URL(path, import.meta.url)), args, { execArgv: ['--expose-gc'] })
}

async function said(child: ChildProcess): Promise<unknown> {
  const gone = once(child, 'exit').then(([code]) => {
    throw new Error(`the program ended with ${code} and said nothing`)
  })
  return await Promise.race([once(child, 'message').then(([message]) => message), gone])
}

async function killed(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, 'exit')
  child.kill('SIGKILL')
  await gone
}
