/** What is told of hosts that go by something else than what is set for the mesh. */
import type { HostConfig } from '../api/config-routes.ts'
import { plain } from './table.ts'

const sources: Readonly<Record<string, string>> = {
  default: 'by default',
  mesh: 'for the mesh',
  file: 'in its file',
  env: 'in its environment',
  flag: 'by a flag',
}

export function sourceText(source: string): string {
  return sources[source] ?? plain(source)
}

/** Of one that is away nobody can say more than that it will. */
export function isGoneBy({ state, left }: HostConfig): boolean {
  return state === 'away' || (state === 'inForce' && left.length === 0)
}

/** One for each thing that a host goes by otherwise, of that key or of all. */
export function hostLines(hosts: readonly HostConfig[], only?: string): string[] {
  return hosts.flatMap((host) => linesOf(host, only))
}

function linesOf(
  { name, state, version, why, waiting, own, left }: HostConfig,
  only: string | undefined,
): string[] {
  const isMeant = ({ key }: { key: string }) => only === undefined || key === only
  const told = (text: string) => `  ${plain(name)}: ${text}`
  const lines: string[] = []
  if (state === 'behind') lines.push(told(`is still at version ${version}${because(why)}`))
  if (state === 'silent') lines.push(told(`has not answered${because(why)}`))
  if (state === 'away') lines.push(told(plain(why ?? 'is away')))
  for (const { key, value, next } of waiting.filter(isMeant)) {
    const then = `takes ${shown(next.value)} at its next start`
    lines.push(told(`${plain(key)} ${then}, and goes by ${shown(value)} until then`))
  }
  for (const { key, value, source, where } of own.filter(isMeant)) {
    const said = `${sourceText(source)} (${plain(where)})`
    lines.push(told(`${plain(key)} is ${shown(value)}, as it says itself ${said}`))
  }
  for (const { key, why } of left.filter(isMeant)) {
    lines.push(told(`leaves ${plain(key)}: ${plain(why)}`))
  }
  return lines
}

function because(why: string | undefined): string {
  return why === undefined ? '' : `: ${plain(why)}`
}

/** What is empty is seen. */
export function shown(value: string): string {
  return value === '' ? '""' : plain(value)
}
