/** A program of its own that has a model run, says in which process, and then does as it is told. */
import { ProcessEngine } from '../../agent/ports/inference/engine.ts'
import { pair, times } from './models.ts'

const engine = new ProcessEngine()
const session = await engine.open(times(3))
const { y } = await session.run(pair(1, 2))
process.stdout.write(`${engine.pid} ${y?.data}\n`)
// Neither closed nor kept: it may end now.
if (process.argv[2] === 'stay') setInterval(() => {}, 1_000)
