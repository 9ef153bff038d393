/**
 * An agent as `skein agent run` starts it, in a network of its own, with two more parts: a passage
 * from its address to its control API, which itself stays on loopback, and one that writes down when
 * it came to each step of a stop. Arguments: its configuration, the address and the port of the
 * passage; the API has the same port.
 */
import { connect, createServer, type Server, type Socket } from 'node:net'
import type { ModuleSpec } from '../../agent/modules/module.ts'
import { runAgent } from '../../coordinator/daemon.ts'
import { exitCodes } from '../../protocol/exit-codes.ts'
import { Problem } from '../../protocol/problem.ts'
import { stepsModule } from './estop-steps.ts'

/** Whatever comes in goes there, and back. */
export function passage(to: { host: string; port: number }): Server {
  return createServer((inside) => {
    const outside: Socket = connect(to.port, to.host)
    inside.setNoDelay(true)
    outside.setNoDelay(true)
    inside.pipe(outside).pipe(inside)
    for (const [one, other] of [
      [inside, outside],
      [outside, inside],
    ] as const) {
      one.once('error', () => other.destroy())
      one.once('close', () => other.destroy())
    }
  })
}

function passageModule(host: string, port: number): ModuleSpec {
  let server: Server | undefined
  return {
    name: 'passage',
    priority: 4,
    needs: ['gateway'],
    start: () =>
      new Promise((resolve, reject) => {
        server = passage({ host: '127.0.0.1', port })
        server.once('error', reject)
        server.listen(port, host, resolve)
      }),
    stop: () => {
      server?.close()
    },
  }
}

const [config, host, port] = process.argv.slice(2) as [string, string, string]
if (process.argv[1] === import.meta.filename) {
  try {
    process.exitCode = await runAgent({
      config,
      flags: {},
      modules: (agent) => [passageModule(host, Number(port)), stepsModule(agent)],
    })
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    process.stderr.write(`${error.why}; ${error.fix}\n`)
    process.exitCode = error.exitCode ?? exitCodes.failed
  }
}
