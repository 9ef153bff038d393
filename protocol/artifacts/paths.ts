/**
 * Paths of files that stages hand on: relative, with `/` between names, and never leading out of
 * the directory that they are put in.
 */
import { artifactLimits as limits } from './limits.ts'

const encoder = new TextEncoder()

/** Why a path is not taken, as a clause; undefined when it is. */
export function faultOfPath(path: string): string | undefined {
  if (path === '') return 'it is empty'
  if (path.startsWith('/')) return 'it is absolute'
  if (!path.isWellFormed() || path.includes('\uFFFD')) return 'it is not UTF-8'
  if (hasControl(path)) return 'it has a control character'
  if (encoder.encode(path).length > limits.pathBytesMax) {
    return `it is longer than ${limits.pathBytesMax} bytes`
  }
  for (const name of path.split('/')) {
    const fault = faultOfName(name)
    if (fault !== undefined) return fault
  }
  return undefined
}

function faultOfName(name: string): string | undefined {
  if (name === '') return 'it has an empty name in it'
  if (name === '.' || name === '..') return `it has ${name} in it`
  if (encoder.encode(name).length > limits.nameBytesMax) {
    return `a name in it is longer than ${limits.nameBytesMax} bytes`
  }
  return undefined
}

function hasControl(path: string): boolean {
  for (let i = 0; i < path.length; i++) {
    const code = path.charCodeAt(i)
    if (code < 0x20 || code === 0x7f) return true
  }
  return false
}

/** The order of paths in a manifest: by their UTF-8 bytes. */
export function comparePaths(a: string, b: string): number {
  return Buffer.compare(encoder.encode(a), encoder.encode(b))
}

/** The directories above it, outermost first: `a`, `a/b` for `a/b/c`. */
export function directoriesOf(path: string): string[] {
  const directories: string[] = []
  for (let at = path.indexOf('/'); at >= 0; at = path.indexOf('/', at + 1)) {
    directories.push(path.slice(0, at))
  }
  return directories
}
