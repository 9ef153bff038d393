import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { SystemCells } from '../../agent/ports/cells/cells.ts'
import type { NurseryLanguage } from '../../agent/ports/cells/nursery.ts'
import { bashNursery } from '../../agent/ports/cells/nursery-bash.ts'
import { perlNursery } from '../../agent/ports/cells/nursery-perl.ts'
import { pythonNursery } from '../../agent/ports/cells/nursery-python.ts'
import type { CellSpec } from '../../protocol/ports/cells.ts'
import { cellsContract } from './cells.ts'
import { realPassage } from './passage.ts'

const life = fileURLToPath(new URL('./cell-life.ts', import.meta.url))
const starters: Record<string, readonly NurseryLanguage[]> = {
  'the host’s cells, by Python': [pythonNursery],
  'the host’s cells, by Perl': [perlNursery],
  'the host’s cells, by Bash': [bashNursery],
  'the host’s cells, started directly': [],
}

for (const [name, languages] of Object.entries(starters)) {
  cellsContract(name, () => {
    const directory = realpathSync(mkdtempSync(join(tmpdir(), 'skein-cells-')))
    const owner = basename(directory)
    const cells = new SystemCells(directory, owner, languages)
    return {
      ...realPassage,
      cells,
      directory,
      keeps: languages.length > 0,
      inEarlierLife: (spec: CellSpec) => {
        const spoken = languages.map(({ argv }) => argv[0]).join(',')
        return killedOnceReady([life, directory, owner, spoken, JSON.stringify(spec)])
      },
      close: async () => {
        cells.sweep(new Set())
        await cells.close()
        rmSync(directory, { recursive: true })
      },
    }
  })
}

/** The first line that it prints, after which it is killed. */
async function killedOnceReady(args: readonly string[]): Promise<string> {
  const agent = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  let said = ''
  agent.stdout.setEncoding('utf8')
  for await (const text of agent.stdout) {
    said += text as string
    if (said.includes('\n')) break
  }
  const gone = once(agent, 'exit')
  agent.kill('SIGKILL')
  await gone
  return said.slice(0, said.indexOf('\n'))
}
