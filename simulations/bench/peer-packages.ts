/**
 * Libraries that benchmarks compare with. They are no dependencies of ours: an exact version is
 * installed beside our caches when a benchmark first wants it, without running scripts of theirs.
 */
import { spawn } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const directory = fileURLToPath(
  new URL('../../node_modules/.cache/skein/bench-peers/', import.meta.url),
)
const manifest = join(directory, 'package.json')
const TALK_SHOWN = 300

export type PeerPackages =
  /** `from` is a file whose `require` finds them. */
  { readonly ok: true; readonly from: string } | { readonly ok: false; readonly why: string }

/** By name, the version. */
export async function peerPackages(
  wanted: Readonly<Record<string, string>>,
): Promise<PeerPackages> {
  const names = Object.keys(wanted)
  if (names.every((name) => installed(name) === wanted[name])) return { ok: true, from: manifest }
  mkdirSync(directory, { recursive: true })
  writeFileSync(manifest, `${JSON.stringify({ private: true })}\n`)
  const exact = names.map((name) => `${name}@${wanted[name]}`)
  process.stderr.write(`installing ${exact.join(' and ')} into ${directory}, to compare with\n`)
  const why = await install(exact)
  return why === undefined ? { ok: true, from: manifest } : { ok: false, why }
}

function installed(name: string): string | undefined {
  try {
    const text = readFileSync(join(directory, 'node_modules', name, 'package.json'), 'utf8')
    return (JSON.parse(text) as { version: string }).version
  } catch {
    return undefined
  }
}

/** Undefined when it is done, otherwise why not. */
function install(exact: readonly string[]): Promise<string | undefined> {
  const flags = ['--prefix', directory, '--ignore-scripts', '--no-audit', '--no-fund']
  const npm = spawn('npm', ['install', ...flags, '--save-exact', ...exact], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let talk = ''
  npm.stderr.setEncoding('utf8').on('data', (text: string) => {
    talk = (talk + text).slice(-TALK_SHOWN)
  })
  return new Promise((resolve) => {
    npm.once('error', (error) => resolve(`npm does not start: ${error.message}`))
    npm.once('close', (code) => {
      resolve(code === 0 ? undefined : `npm install ended with ${code}: ${talk.trim()}`)
    })
  })
}
