/**
 * `skein agent rekey`: what the store of a stopped agent holds is sealed with another key, value by
 * value. Broken off, it goes on from there when it is said again, or when the agent starts with the
 * new key.
 */
import { DataDirectory } from '../../agent/ports/data-directory.ts'
import { exitCodes } from '../../protocol/exit-codes.ts'
import { readConfig } from './config-file.ts'
import { confirm } from './confirm.ts'
import { type Context, document } from './context.ts'
import { wrongUse } from './usage.ts'

export interface RekeyFlags {
  to: string
  storeKeyFile?: string
  config?: string
}

export async function rekey(context: Context, flags: RekeyFlags): Promise<number> {
  const { config, to } = flags
  const { dataDirectory, store } = readConfig({ flags: {}, config })
  const from = flags.storeKeyFile ?? store.keyFile
  if (from === '')
    throw wrongUse(
      'it is not said which key the store is sealed with now',
      'name it with --store-key-file, or the agent’s configuration with --config',
    )
  await confirm(context, `the store in ${dataDirectory} is sealed with the key in ${to}`)
  const values = await DataDirectory.rekey(dataDirectory, from, to)
  if (context.json) document(context, { schemaVersion: 1, dataDirectory, values })
  else
    context.io.out(
      `${values} values are sealed with the key in ${to}\nname it as store.keyFile before the agent starts\n`,
    )
  return exitCodes.done
}
