/** What a process has in memory, by the word of the kernel. */
import { readFileSync } from 'node:fs'

export function residentBytesOf(pid: number): number {
  const [, kib] = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return Number(kib) * 1_024
}
