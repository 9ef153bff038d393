// Installs what package-lock.json names when node_modules is missing or older than it. Runs before
// `npm start` and `npm test`, under whatever Node the machine has, and needs nothing installed.
import { spawnSync } from 'node:child_process'
import { statSync } from 'node:fs'
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
  readSources()
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
