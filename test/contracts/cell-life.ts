/** A life of an agent that is to be killed: starts one cell, prints its trace once it is ready, and stays. */
import { nurseryLanguages, SystemCells } from '../../agent/ports/cells/cells.ts'
import { openSandbox } from '../../agent/ports/cells/sandbox.ts'
import type { StageUser } from '../../agent/ports/identity.ts'
import type { CellSpec } from '../../protocol/ports/cells.ts'
import { realPassage } from './passage.ts'

const [directory = '', owner = '', languages = '', spec = '', user = 'null'] = process.argv.slice(2)
const spoken = nurseryLanguages.filter(({ argv }) => languages.split(',').includes(argv[0]))
const sandbox = await openSandbox([], [])
const runsAs = (JSON.parse(user) as StageUser | null) ?? undefined
const holding = runsAs === undefined ? {} : { user: runsAs }
const cells = new SystemCells(directory, owner, spoken, { ...holding, sandbox })
let heard = ''
const cell = await cells.start(JSON.parse(spec) as CellSpec, (_from, chunk) => {
  heard += Buffer.from(chunk).toString()
})
await realPassage.until('the program to be ready', () => heard.includes('ready'))
process.stdout.write(`${cell.trace}\n`)
setInterval(() => {}, 1000)
