/** Every scenario, its commands carried out, compared with the trace that stands in its file. */
import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { runScript } from './commands.ts'
import { formatScript, parseScript } from './script.ts'

const folder = import.meta.dirname

for (const file of globSync('*/*.txt', { cwd: folder }).sort()) {
  const text = readFileSync(`${folder}/${file}`, 'utf8')
  const script = parseScript(text)
  test(`${file}: ${script.promise}`, () => {
    const actual = formatScript(script, runScript(script))
    assert.equal(
      actual,
      text,
      `test/scenarios/${file}: the trace has changed.\n${firstDifference(text, actual)}\n` +
        `If the new one is right: node test/scenarios/update.ts ${file}`,
    )
  })
}

function firstDifference(expected: string, actual: string): string {
  const before = expected.split('\n')
  const now = actual.split('\n')
  const at = now.findIndex((line, i) => line !== before[i])
  const line = at < 0 ? Math.min(before.length, now.length) : at
  const around = (lines: readonly string[]) =>
    lines.slice(line, line + 5).map((shown) => `    ${shown}`)
  return [`line ${line + 1}, expected:`, ...around(before), '  but got:', ...around(now)].join('\n')
}
