// Installs what package-lock.json names when node_modules is missing or older than it. Runs before
// `npm start` and `npm test`, under whatever Node the machine has, and needs nothing installed.
import { spawnSync } from 'node:child_process'
import { readdirSync, rmSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')

function changedMs(path) {
  try {
    return statSync(join(root, path)).mtimeMs
  } catch {
    return 0
  }
}

// npm writes this file last, so a broken install is never taken for a whole one.
const installedMs = changedMs('node_modules/.package-lock.json')
if (installedMs === 0 || installedMs < changedMs('package-lock.json')) {
  console.error('skein: installing dependencies (npm ci), once')
  const { status } = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
  })
  if (status !== 0) {
    console.error('skein: npm ci failed; see above. Is the npm registry reachable?')
    process.exit(1)
  }
  dropOtherPlatforms()
  readSources()
}

/** onnxruntime-node brings the libraries of all platforms in one package: 245 of its 288 MB are of others. */
function dropOtherPlatforms() {
  const libraries = join(root, 'node_modules/onnxruntime-node/bin/napi-v6')
  drop(libraries, process.platform)
  drop(join(libraries, process.platform), process.arch)
}

function drop(directory, except) {
  try {
    const others = readdirSync(directory).filter((name) => name !== except)
    for (const name of others) rmSync(join(directory, name), { recursive: true })
  } catch (error) {
    console.error(`skein: what is of no use here stays in ${directory}: ${error.message}`)
  }
}

/** Once, and alone: five agents of a first start would otherwise all do it, at the same time. */
function readSources() {
  console.error('skein: reading the sources, once')
  const node = join(root, 'node_modules', '.bin', 'node')
  const { status } = spawnSync(node, ['.ci/read-sources.mjs'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
  })
  if (status !== 0) console.error('skein: that failed, see above; the first start will be slower')
}
