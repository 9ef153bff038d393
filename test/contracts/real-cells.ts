/** Cells of this host as a subject of their contract. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type CellHolding, SystemCells } from '../../agent/ports/cells/cells.ts'
import type { NurseryLanguage } from '../../agent/ports/cells/nursery.ts'
import type { CellSpec, Cells } from '../../protocol/ports/cells.ts'
import { cellsContract } from './cells.ts'
import { realPassage } from './passage.ts'

const life = fileURLToPath(new URL('./cell-life.ts', import.meta.url))

/** All that cells promise, of those of this host; held to something more, where that is given. */
export function realCellsContract(
  name: string,
  languages: readonly NurseryLanguage[],
  holding: CellHolding = {},
): void {
  const { user, sandbox } = holding
  cellsContract(name, () => {
    const directory = realpathSync(mkdtempSync(join(tmpdir(), 'skein-cells-')))
    if (user !== undefined) chownSync(directory, user.uid, user.gid)
    const place = join(directory, 'cells')
    mkdirSync(place)
    const owner = basename(directory)
    const cells = new SystemCells(place, owner, languages, holding)
    const within = (spec: CellSpec): CellSpec => ({
      ...spec,
      ...(sandbox && { sandbox: { own: directory, readable: [] } }),
    })
    return {
      ...realPassage,
      cells: sandbox === undefined ? cells : sandboxing(cells, within),
      directory,
      leavesNothing: sandbox !== undefined,
      keeps: languages.length > 0,
      inEarlierLife: (spec: CellSpec) => {
        const spoken = languages.map(({ argv }) => argv[0]).join(',')
        const told = [JSON.stringify(within(spec)), JSON.stringify(user ?? null)]
        return killedOnceReady([life, place, owner, spoken, ...told])
      },
      close: async () => {
        cells.sweep(new Set(), await cells.inhabited())
        await cells.close()
        rmSync(directory, { recursive: true })
      },
    }
  })
}

function sandboxing(cells: Cells, within: (spec: CellSpec) => CellSpec): Cells {
  return {
    start: (spec, onOutput) => cells.start(within(spec), onOutput),
    find: (...all) => cells.find(...all),
    killAll: (names) => cells.killAll(names),
    still: () => cells.still(),
    hurry: () => cells.hurry(),
    inhabited: () => cells.inhabited(),
    sweep: (keep, inhabited) => cells.sweep(keep, inhabited),
    rules: () => cells.rules(),
  }
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
