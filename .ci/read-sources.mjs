// Loads what a mesh on this machine loads, so that its sources are kept stripped and compiled.
import { keepSources } from '../coordinator/runtime.js'

await keepSources()
await import('../coordinator/cli/program.ts')
await import('../simulations/mesh/up.ts')
await import('../coordinator/cli/top.ts')
await import('../coordinator/daemon.ts')
process.exit()
