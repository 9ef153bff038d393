/** An agent's configuration, from its file, the environment and flags: for all that need it. */
import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { LiveConfig } from '../../agent/config/live.ts'
import { type ConfigInput, type LoadedWell, loadConfig } from '../../agent/config/load.ts'
import type { MeshValues } from '../../agent/config/mesh.ts'
import type { Config } from '../../agent/config/schema.ts'
import type { FlagValue } from '../../agent/config/source.ts'
import { configRefused, configUnreadable } from '../../agent/life/refusals.ts'

export interface ConfigOptions {
  /** Without it, `$SKEIN_CONFIG`. */
  config?: string | undefined
  flags: Readonly<Record<string, FlagValue>>
}

/** Without what is set for the mesh: for whoever must know where that is kept. */
export function readConfig(options: ConfigOptions): Config {
  return loadedBy(inputOf(options)).config
}

/** For an agent that runs, with what was set for the mesh when it was here last. */
export function liveConfig(options: ConfigOptions, mesh: MeshValues): LiveConfig {
  const input = { ...inputOf(options), mesh }
  return new LiveConfig(input, loadedBy(input))
}

function inputOf({ config, flags }: ConfigOptions): ConfigInput {
  const fileName = config ?? process.env.SKEIN_CONFIG
  let fileText: string | undefined
  if (fileName !== undefined) {
    try {
      fileText = readFileSync(fileName, 'utf8')
    } catch (error) {
      throw configUnreadable(fileName, error)
    }
  }
  const host = { name: hostname(), superuser: process.getuid?.() === 0 }
  return {
    env: process.env,
    flags,
    host,
    ...(fileName === undefined || fileText === undefined ? {} : { fileName, fileText }),
  }
}

function loadedBy(input: ConfigInput): LoadedWell {
  const loaded = loadConfig(input)
  if (!loaded.ok) throw configRefused(loaded.problems)
  return loaded
}
