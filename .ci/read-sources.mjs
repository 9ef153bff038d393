// Starts a mesh of two for a moment, so that what the programs of a mesh load is kept for the next one.
import { keepSources } from '../coordinator/runtime.js'

await keepSources()
await import('../coordinator/cli/program.ts')
await import('../simulations/mesh/up.ts')
await import('../coordinator/cli/top.ts')
const { Mesh } = await import('../simulations/bench/mesh.ts')
const mesh = await Mesh.start(2)
await mesh.stop()
process.exit()
