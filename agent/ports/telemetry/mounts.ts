/** Which file systems hold a path, as /proc/self/mountinfo lists them. */
import { lines } from './scan-text.ts'

export interface Mount {
  /** `major:minor`; a major of 0 stands for no block device. */
  device: string
  /** The part of the file system that is mounted: `/`, or a directory bound elsewhere. */
  root: string
  path: string
  type: string
  /** What was mounted: `/dev/sda1`, or a word of the file system's own. */
  source: string
  /** Options of the file system itself, such as a control group's controllers. */
  options: string[]
}

/** `id parent major:minor root path options [tags…] - type source options` */
export function parseMountinfo(text: string): Mount[] {
  const mounts: Mount[] = []
  for (const line of lines(text)) {
    const [before, after] = line.split(' - ', 2)
    const left = before?.split(' ') ?? []
    const [type, source = '', options = ''] = after?.split(' ') ?? []
    const [, , device, root, path] = left
    if (!device || !root || !path || !type) continue
    mounts.push({
      device,
      root: unescaped(root),
      path: unescaped(path),
      type,
      source: unescaped(source),
      options: options.split(','),
    })
  }
  return mounts
}

/** The mount that holds an absolute path: the longest; of the same path, the one on top. */
export function mountOf(mounts: readonly Mount[], path: string): Mount | undefined {
  let best: Mount | undefined
  for (const mount of mounts) {
    if (!isWithin(path, mount.path)) continue
    if (!best || mount.path.length >= best.path.length) best = mount
  }
  return best
}

export function isWithin(path: string, directory: string): boolean {
  return path === directory || path.startsWith(directory === '/' ? '/' : `${directory}/`)
}

/** Spaces, tabs, line breaks and backslashes are written in octal. */
function unescaped(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal) => String.fromCharCode(Number.parseInt(octal, 8)))
}
