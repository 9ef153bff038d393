/** Cells of this host as a subject of their contract. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { SystemCells } from '../../agent/ports/cells/cells.ts'
import type { NurseryLanguage } from '../../agent/ports/cells/nursery.ts'
import type { StageUser } from '../../agent/ports/identity.ts'
import type { CellSpec } from '../../protocol/ports/cells.ts'
import { cellsContract } from './cells.ts'
import { realPassage } from './passage.ts'

const life = fileURLToPath(new URL('./cell-life.ts', import.meta.url))

/** All that cells promise, of those of this host; as `user`, where one is given. */
export function realCellsContract(
  name: string,
  languages: readonly NurseryLanguage[],
  user?: StageUser,
): void {
  cellsContract(name, () => {
    const directory = realpathSync(mkdtempSync(join(tmpdir(), 'skein-cells-')))
    if (user !== undefined) chownSync(directory, user.uid, user.gid)
    const place = join(directory, 'cells')
    mkdirSync(place)
    const owner = basename(directory)
    const cells = new SystemCells(place, owner, languages, user)
    return {
      ...realPassage,
      cells,
      directory,
      keeps: languages.length > 0,
      inEarlierLife: (spec: CellSpec) => {
        const spoken = languages.map(({ argv }) => argv[0]).join(',')
        const told = [JSON.stringify(spec), JSON.stringify(user ?? null)]
        return killedOnceReady([life, place, owner, spoken, ...told])
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
