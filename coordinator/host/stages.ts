/** What an agent's configuration says of stages: whom they run as, where, and what they find. */
import { join } from 'node:path'
import type { Config } from '../../agent/config/schema.ts'
import type { StageUser } from '../../agent/ports/identity.ts'
import { programOnPath } from '../../agent/ports/program-on-path.ts'
import { stageUser } from '../../agent/ports/stage-user.ts'
import { type WorkSettings, workDefaults } from '../../agent/work/limits.ts'

/** Rejects with `Problem` where stages cannot run as the user that is named. */
export function stageUserOf({ work, dataDirectory }: Config): Promise<StageUser | undefined> {
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
export function workSettingsOf({ work }: Config, user: StageUser | undefined): WorkSettings {
  const { containerEngine, logsAge, user: _, ...rest } = work
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
    ...rest,
    logsAgeMs: logsAge,
    containerEngine: programOnPath(engines[containerEngine], environment.PATH ?? ''),
    environment,
    ...(user === undefined ? {} : { user: user.name }),
  }
}
