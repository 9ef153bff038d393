import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SystemFunctions } from '../../agent/ports/functions/functions.ts'
import { functionNames, functionsContract } from './functions.ts'
import { realPassage } from './passage.ts'

functionsContract('functions in threads', () => {
  const directory = mkdtempSync(join(tmpdir(), 'skein-functions-'))
  const module = join(directory, 'functions.mjs')
  const texts = Object.entries(functionNames)
  writeFileSync(module, texts.map(([name, text]) => `export const ${name} = ${text}\n`).join(''))
  return {
    ...realPassage,
    functions: new SystemFunctions(),
    module,
    close: () => rmSync(directory, { recursive: true }),
  }
})
