// Puts the agent into one file, and says of which files it was made: `node one-file-packing.js DIRECTORY`.
import { hash } from 'node:crypto'
import { readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { keptIn, recordIn, stampOf } from './one-file.js'

/** An agent reads the map of its file when something goes wrong, which may be long after a change. */
const KEPT_MS = 30 * 24 * 3_600_000
const LOOK_MS = 25
/** Native, or large and seldom wanted. */
const APART = ['classic-level', 'pino-pretty', 'systeminformation']

const root = fileURLToPath(new URL('..', import.meta.url))
const entry = fileURLToPath(new URL('agent-program.ts', import.meta.url))
const [directory = ''] = process.argv.slice(2)

/** Of several that start after a change one packs, and the others wait for it. */
async function packInTurn() {
  const turn = join(directory, 'packing')
  while (!hasTaken(turn)) {
    await wait(LOOK_MS)
    if (!isAlive(turn)) rmSync(turn, { force: true })
  }
  try {
    if (keptIn(directory) === undefined) await pack()
  } finally {
    rmSync(turn, { force: true })
  }
}

function hasTaken(turn) {
  try {
    writeFileSync(turn, String(process.pid), { flag: 'wx' })
    return true
  } catch (error) {
    if (error.code === 'EEXIST') return false
    throw error
  }
}

/** Whoever took the turn; not, if it was killed and could not give it back. */
function isAlive(turn) {
  try {
    const pid = Number(readFileSync(turn, 'utf8'))
    // It has been made, and its number is about to be written.
    return pid === 0 || process.kill(pid, 0)
  } catch (error) {
    return error.code === 'EPERM'
  }
}

async function pack() {
  const { build } = await import('esbuild')
  const startedMs = Date.now()
  const { outputFiles, metafile } = await build({
    entryPoints: [entry],
    outfile: join(directory, 'agent.mjs'),
    absWorkingDir: root,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: `node${process.versions.node}`,
    external: APART,
    plugins: [whereTheyWere],
    // What was written for `require` still finds it.
    banner: {
      js: `import { createRequire as requireFrom } from 'node:module';const require = requireFrom(${urlOf(entry)});`,
    },
    legalComments: 'none',
    sourcemap: 'external',
    sourcesContent: false,
    metafile: true,
    write: false,
    logLevel: 'warning',
  })
  const inputs = [...Object.keys(metafile.inputs), relative(root, fileURLToPath(import.meta.url))]
  // One that changed meanwhile may have been read before or after.
  if (inputs.some((path) => statSync(join(root, path)).mtimeMs >= startedMs)) return
  const [map, program] = outputFiles
  const file = join(directory, `agent-${hash('sha1', program.contents)}.mjs`)
  keep(`${file}.map`, map.contents)
  keep(file, program.contents)
  const record = { file, inputs: inputs.map((path) => [path, stampOf(path)]) }
  keep(recordIn(directory), JSON.stringify(record))
  forgetOld(file)
}

/** Whole or not at all: several agents may start at once, and do this all at the same time. */
function keep(file, contents) {
  const draft = `${file}.${process.pid}`
  writeFileSync(draft, contents)
  renameSync(draft, file)
}

function forgetOld(current) {
  const since = Date.now() - KEPT_MS
  for (const name of readdirSync(directory)) {
    const path = join(directory, name)
    const isOld = /^agent-.*\.mjs(\.|$)/.test(name) && !path.startsWith(current)
    if (isOld && statSync(path).mtimeMs < since) rmSync(path, { force: true })
  }
}

function urlOf(path) {
  return JSON.stringify(pathToFileURL(path).href)
}

/** Modules that look for a file beside them find it; what is loaded later is loaded from there. */
const whereTheyWere = {
  name: 'where they were',
  setup({ onLoad, onResolve }) {
    onLoad({ filter: /\.ts$/ }, ({ path }) => {
      const source = readFileSync(path, 'utf8')
      if (!source.includes('import.meta.url')) return
      return { loader: 'ts', contents: source.replaceAll('import.meta.url', urlOf(path)) }
    })
    onResolve({ filter: /^\.\.?\// }, ({ kind, path, importer }) => {
      if (kind !== 'dynamic-import' || importer.includes('node_modules')) return
      return { path: new URL(path, pathToFileURL(importer)).href, external: true }
    })
  },
}

await packInTurn()
