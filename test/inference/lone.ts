/** A program of its own that has a model run, says in which process, and then does as it is told. */
import { ProcessEngine } from '../../agent/ports/inference/engine.ts'
import { pair, times } from './models.ts'

const engine = new ProcessEngine()
const session = await engine.open(times(3))
const { y } = await session.run(pair(1, 2))
process.stdout.write(`${engine.pid} ${y?.data}\n`)
const [how] = process.argv.slice(2)
if (how === 'stay') setInterval(() => {}, 1_000)
// Nothing but this keeps the program from ending before it is done.
if (how === 'close') await engine.close()
// Otherwise neither closed nor kept: it may end now.
