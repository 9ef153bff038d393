// Runs a program of a benchmark as an agent is run: with its flags and its environment, and with what
// is kept of sources and of compiled code between two starts. Plain JavaScript, as `skein.js` is.
// Arguments: the file of the program, and what that is given.
import { fileURLToPath, pathToFileURL } from 'node:url'
import { AGENT_ENV, AGENT_FLAGS, keepSources } from '../../coordinator/runtime.js'

const here = fileURLToPath(import.meta.url)
const [program, ...given] = process.argv.slice(2)
if (process.execve && !AGENT_FLAGS.every((flag) => process.execArgv.includes(flag))) {
  process.removeAllListeners('warning')
  const args = [process.execPath, ...AGENT_FLAGS, ...process.execArgv, here, program, ...given]
  process.execve(process.execPath, args, { ...AGENT_ENV, ...process.env })
}
await keepSources()
// What is imported finds itself to be the program.
process.argv = [process.execPath, program, ...given]
await import(pathToFileURL(program).href)
