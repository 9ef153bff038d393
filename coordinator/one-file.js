// The agent in one file: 1,400 modules, ours and others', put together and kept on disk until one of
// them changes. To find and read them one by one is half of what a start costs, and 25 MiB of every
// agent for as long as it lives.
import { spawnSync } from 'node:child_process'
import { accessSync, constants, mkdirSync, readFileSync, statSync } from 'node:fs'
import { SourceMap } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const packing = fileURLToPath(new URL('one-file-packing.js', import.meta.url))

/** What is kept, and of which files: the packing writes it, once the file is whole. */
export const recordIn = (directory) => join(directory, `one-file-${process.version}.json`)

/** Where the agent is in one file; nothing where it can be kept nowhere. */
export function agentInOneFile(directory) {
  const kept = keptIn(directory)
  if (kept !== undefined || !isWritable(directory)) return kept
  // In a process of its own, so that what is needed for it does not stay in an agent.
  spawnSync(process.execPath, [packing, directory], { stdio: ['ignore', 'ignore', 'inherit'] })
  return keptIn(directory)
}

function isWritable(directory) {
  try {
    mkdirSync(directory, { recursive: true })
    accessSync(directory, constants.W_OK)
    return true
  } catch {
    return false
  }
}

/** One of which no file has changed since. */
export function keptIn(directory) {
  try {
    const { file, inputs } = JSON.parse(readFileSync(recordIn(directory), 'utf8'))
    const isCurrent = inputs.every(([path, stamp]) => stampOf(path) === stamp)
    return isCurrent && statSync(file).isFile() ? file : undefined
  } catch {
    return undefined
  }
}

/** Another one as soon as a file may be another. */
export function stampOf(path) {
  const { size, mtimeMs } = statSync(join(root, path))
  return `${size} ${mtimeMs}`
}

/**
 * Names the lines of our sources where a text names those of the one file, as a stack does. Nothing is
 * held for it: the map, which is as large as the file, is read when there is such a text.
 */
export function sourcesNamedFor(file) {
  const url = pathToFileURL(file).href
  const place = new RegExp(`${RegExp.escape(url)}:(\\d+):(\\d+)`, 'g')
  return (text) => {
    const map = text.includes(url) ? mapOf(file) : undefined
    if (map === undefined) return text
    return text.replace(place, (whole, line, column) => {
      const { fileName, lineNumber, columnNumber } = map.findOrigin(Number(line), Number(column))
      if (fileName === undefined) return whole
      return `${new URL(fileName, url).href}:${lineNumber}:${columnNumber}`
    })
  }
}

function mapOf(file) {
  try {
    return new SourceMap(JSON.parse(readFileSync(`${file}.map`, 'utf8')))
  } catch {
    return undefined
  }
}
