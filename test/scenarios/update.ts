/**
 * Writes what the core does now into the scenarios as what is expected of it: all of them, or those
 * named (`elections/campaign.txt`). Read the difference before you keep it: each changed line is a
 * change of behaviour that somebody has to find right.
 */
import { globSync, readFileSync, writeFileSync } from 'node:fs'
import { runScript } from './commands.ts'
import { formatScript, parseScript } from './script.ts'

const folder = import.meta.dirname
const named = process.argv.slice(2)
const files = named.length > 0 ? named : globSync('*/*.txt', { cwd: folder }).sort()
let failed = 0
for (const file of files) {
  const path = `${folder}/${file}`
  const text = readFileSync(path, 'utf8')
  try {
    const script = parseScript(text)
    const updated = formatScript(script, runScript(script))
    if (updated === text) continue
    writeFileSync(path, updated)
    process.stdout.write(`rewritten: ${file}\n`)
  } catch (error) {
    failed++
    process.stderr.write(`${file}: ${error instanceof Error ? error.message : String(error)}\n`)
  }
}
process.exit(failed === 0 ? 0 : 1)
