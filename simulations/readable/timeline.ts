/** Lines of a timeline, in fixed columns: when, where, what. */

const timeWidth = 11
const hostWidth = 6

/** `   1234.567 n1     role leader in t3: elected`; `host` is empty for what happens to all. */
export function timelineLine(atMs: number, host: string, text: string): string {
  return `${atMs.toFixed(3).padStart(timeWidth)} ${host.padEnd(hostWidth)} ${text}`
}
