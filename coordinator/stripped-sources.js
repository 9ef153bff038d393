// Keeps our sources without their types on disk, so that the type stripper is loaded only after a
// change. The runtime offers the same with its cache of compiled code, but then holds all that it
// has read in memory for as long as it lives: 4 MiB of every agent, for 600 files.
import { hash } from 'node:crypto'
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import module from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Of a kept file: what its source hashed to when it was stripped. */
const HASH = 'sha1'
const HASH_LETTERS = 40

const neighbour = /^\.\.?\/.*\.[jt]s$/

/**
 * From here on, modules below `root` are read stripped from `directory`. Each has one file there, by
 * its path, so that there are never more of them than sources.
 */
export function keepStripped(root, directory) {
  const home = join(directory, `stripped-${process.version}`)
  module.registerHooks({
    // A module that names its neighbour by path means that file: to look whether it is there, whether
    // it is a link, and what package it is in is a sixth of what a start takes.
    resolve(specifier, context, next) {
      const { parentURL, conditions } = context
      const isPlain = neighbour.test(specifier) && conditions.includes('import')
      if (!isPlain || !parentURL?.startsWith(root)) return next(specifier, context)
      return { url: new URL(specifier, parentURL).href, shortCircuit: true }
    },
    load(url, context, next) {
      if (!url.startsWith(root) || !url.endsWith('.ts')) return next(url, context)
      const source = strippedOf(readFileSync(fileURLToPath(url), 'utf8'), url, home)
      return { format: 'module', source, shortCircuit: true }
    },
  })
}

function strippedOf(source, url, home) {
  const was = hash(HASH, source)
  const file = join(home, hash(HASH, url))
  const kept = readIfThere(file)
  if (kept?.toString('latin1', 0, HASH_LETTERS) === was) return kept.toString('utf8', HASH_LETTERS)
  const stripped = strip(source)
  keep(file, home, was + stripped)
  return stripped
}

/** It warns that it may change one day: that is ours to see to, and nobody's who starts an agent. */
function strip(source) {
  const { emitWarning } = process
  process.emitWarning = () => {}
  try {
    return module.stripTypeScriptTypes(source)
  } finally {
    process.emitWarning = emitWarning
  }
}

function readIfThere(file) {
  try {
    return readFileSync(file)
  } catch {
    return undefined
  }
}

/** Whole or not at all: several agents start at once. Without a place to write, nothing is kept. */
function keep(file, home, text) {
  const draft = `${file}.${process.pid}`
  try {
    mkdirSync(home, { recursive: true })
    writeFileSync(draft, text)
    renameSync(draft, file)
  } catch {}
}
