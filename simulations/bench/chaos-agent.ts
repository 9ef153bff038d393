/**
 * An agent as `skein agent run` starts it, with one more part: a door through which clients ask for
 * the ledger's keys and values at this very agent. Arguments: its configuration, the host and the
 * port of the door.
 */
import { runAgent } from '../../coordinator/daemon.ts'
import { exitCodes } from '../../protocol/exit-codes.ts'
import { Problem } from '../../protocol/problem.ts'
import { storeDoor } from './chaos-door.ts'

const [config, host, port] = process.argv.slice(2) as [string, string, string]
try {
  process.exitCode = await runAgent({
    config,
    flags: {},
    modules: (agent) => [storeDoor(agent, host, Number(port))],
  })
} catch (error) {
  if (!(error instanceof Problem)) throw error
  process.stderr.write(`${error.why}; ${error.fix}\n`)
  process.exitCode = error.exitCode ?? exitCodes.failed
}
