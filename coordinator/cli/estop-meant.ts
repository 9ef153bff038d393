/** What a person means to stop or to release, and why, as it was said. */
import { parseScope, type StopScope } from '../../protocol/estop/scope.ts'
import { exitCodes } from '../../protocol/exit-codes.ts'
import { Problem } from '../../protocol/problem.ts'
import { plain } from './table.ts'

export interface ScopeFlags {
  scope?: string
  label?: string
  run?: string
}

export function scopeIn({ scope, label, run }: ScopeFlags): StopScope {
  const texts = [
    ...(scope === undefined ? [] : [scope]),
    ...(label === undefined ? [] : [`label:${label}`]),
    ...(run === undefined ? [] : [`run:${run}`]),
  ]
  const parsed = texts.length > 1 ? undefined : parseScope(texts[0] ?? 'mesh')
  if (parsed !== undefined) return parsed
  throw new Problem({
    code: 'badScope',
    why: `${texts.join(' and ')} is no scope`,
    fix: 'name one: --scope mesh, --label KEY=VALUE or --run ID',
    exitCode: exitCodes.usage,
  })
}

/** The grammar cannot ask for it: `estop status` has none. */
export function reasonIn({ reason = '' }: { reason?: string }): string {
  if (reason.trim() !== '') return reason
  throw new Problem({
    code: 'noReason',
    why: 'a stop, and its release, need a reason',
    fix: 'say it with --reason TEXT',
    exitCode: exitCodes.usage,
  })
}

export function inWords(scope: StopScope): string {
  if (scope.kind === 'mesh') return 'the whole mesh'
  if (scope.kind === 'run') return `run ${plain(scope.run)}`
  return `all hosts with ${plain(scope.key)}=${plain(scope.value)}`
}
