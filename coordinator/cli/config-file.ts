/** An agent's configuration, from its file, the environment and flags: for all that need it. */
import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { loadConfig } from '../../agent/config/load.ts'
import type { Config } from '../../agent/config/schema.ts'
import type { FlagValue } from '../../agent/config/source.ts'
import { configRefused, configUnreadable } from '../../agent/life/refusals.ts'

export interface ConfigOptions {
  /** Without it, `$SKEIN_CONFIG`. */
  config?: string
  flags: Readonly<Record<string, FlagValue>>
}

export function readConfig({ config, flags }: ConfigOptions): Config {
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
  const loaded = loadConfig({
    env: process.env,
    flags,
    host,
    ...(fileName === undefined || fileText === undefined ? {} : { fileName, fileText }),
  })
  if (!loaded.ok) throw configRefused(loaded.problems)
  return loaded.config
}
