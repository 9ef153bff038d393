/** What an agent's configuration says of stages: whom they run as, where, and what they find. */
import { join } from 'node:path'
import type { Config } from '../../agent/config/schema.ts'
import type { CellHolding } from '../../agent/ports/cells/cells.ts'
import { holdingOf } from '../../agent/ports/cells/privileges.ts'
import { openSandbox } from '../../agent/ports/cells/sandbox.ts'
import type { StageUser } from '../../agent/ports/identity.ts'
import { programOnPath } from '../../agent/ports/program-on-path.ts'
import { stageUser } from '../../agent/ports/stage-user.ts'
import { type WorkSettings, workDefaults } from '../../agent/work/limits.ts'
import { exitCodes } from '../../protocol/exit-codes.ts'
import { Problem } from '../../protocol/problem.ts'
import { workTuningOf } from '../config/tuners.ts'

/**
 * What stages are held to: `hidden` is what nobody sees in a sandbox, besides what is the agent's.
 * Rejects with `Problem` where they cannot be held to what this host itself says (`saysSandbox`); what
 * is set for the mesh keeps no agent from starting, and stages are refused instead. There is a sandbox
 * also where none is to be used now: that may change.
 */
export async function holdingOfStages(
  config: Config,
  hidden: readonly string[],
  saysSandbox: boolean,
): Promise<CellHolding> {
  const user = await stageUserOf(config)
  const own = [config.dataDirectory, config.network.swarmKeyFile, ...hidden]
  const sandbox = await openSandbox(own, holdingOf(user).held)
  const isRefused = config.work.sandbox === 'always' && saysSandbox
  if (!isRefused || sandbox.missing === undefined) {
    return { ...(user && { user }), sandbox }
  }
  throw new Problem({
    code: 'sandboxMissing',
    why: `stages are always to run in a sandbox here, and cannot: ${sandbox.missing}`,
    fix: 'install bubblewrap and let it make namespaces, or set work.sandbox to auto',
    exitCode: exitCodes.usage,
  })
}

function stageUserOf({ work, dataDirectory }: Config): Promise<StageUser | undefined> {
  if (work.user === '') return Promise.resolve(undefined)
  return stageUser(work.user, { work: work.directory, data: dataDirectory })
}

/** Pipes and records are where the user of stages can come to them, who starts and ends programs. */
export function cellsDirectory(
  { work, dataDirectory }: Config,
  user: StageUser | undefined,
): string {
  return user === undefined ? join(dataDirectory, 'cells') : join(work.directory, '.cells')
}

/** What a stage finds in its environment is the agent's only where it is listed here. */
export function workSettingsOf(config: Config, user: StageUser | undefined): WorkSettings {
  const { containerEngine } = config.work
  const known = ['PATH', 'HOME', 'LANG', 'TMPDIR', 'TZ'].flatMap((name) => {
    const value = process.env[name]
    return value === undefined ? [] : [[name, value]]
  })
  const environment: Record<string, string> = {
    ...workDefaults.environment,
    ...Object.fromEntries(known),
    ...(user === undefined ? {} : { HOME: user.home }),
  }
  const engines = { auto: ['podman', 'docker'], podman: ['podman'], docker: ['docker'], none: [] }
  return {
    ...workTuningOf(config),
    containerEngine: programOnPath(engines[containerEngine], environment.PATH ?? ''),
    environment,
    ...(user === undefined ? {} : { user: user.name }),
  }
}
