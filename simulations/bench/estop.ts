/**
 * `skein bench estop`: five real agents, each with twenty trees of processes that spin, ignore
 * SIGTERM, respawn their children and leave their groups; from the command of a person to the death
 * of the last of them. It runs in namespaces of its own, because a network is cut in it.
 */
import { fileURLToPath } from 'node:url'
import { inNamespaces } from './chaos.ts'
import { kinds } from './estop-figures.ts'
import { wantedIn } from './only.ts'

export interface EstopOptions {
  rounds: string
  trees: string
  /** Of the kinds of rounds, only those; all if it is empty. */
  only: string
  where: boolean
  json: boolean
}

/**
 * The first process in there, as every host has one: it buries the orphans of the trees. Without it
 * thousands of dead would be left, and every look at the host's processes would go over them.
 */
const init = [
  'bash',
  '-c',
  'trap \'kill -INT $pid\' INT; "$@" & pid=$!; wait $pid; code=$?; wait $pid 2>/dev/null; exit $code',
  'init',
]

export async function benchEstop(options: EstopOptions): Promise<number> {
  // Whoever has mistyped a name hears it before anything is begun.
  wantedIn(options.only, kinds, 'kind of round')
  return inNamespaces(fileURLToPath(new URL('estop-program.ts', import.meta.url)), options, init)
}
