/** `skein federate config`: how hosts learn together, shown and chosen. */
import { exitCodes } from '../../protocol/exit-codes.ts'
import { parseDuration } from '../../protocol/units.ts'
import type { Federation } from '../api/federation-routes.ts'
import { roundsLimits } from '../learning/rounds/limits.ts'
import { type Context, document } from './context.ts'
import { settingLines } from './federate-text.ts'
import { wrongUse } from './usage.ts'

type Settings = Federation['settings']

export interface ConfigFlags {
  every?: string
  steps?: string
  rule?: Settings['rule']
  liars?: string
  noise?: string
  hold?: string
  participantsMin?: string
  family?: Settings['family']
}

export async function config(context: Context, flags: ConfigFlags): Promise<number> {
  const { client, io, json } = context
  const chosen = chosenBy(flags)
  const { settings } =
    Object.keys(chosen).length === 0
      ? await client.call('federation')
      : await client.call('configureFederation', { body: chosen })
  if (json) document(context, { schemaVersion: 1, settings })
  else io.out(`${settingLines(settings).join('\n')}\n`)
  return exitCodes.done
}

function chosenBy(flags: ConfigFlags): Partial<Settings> {
  const { every, steps, rule, liars, noise, hold, participantsMin, family } = flags
  return {
    ...(every === undefined ? {} : { everyMs: everyFrom(every) }),
    ...(steps === undefined ? {} : { steps: Number(steps) }),
    ...(family === undefined ? {} : { family }),
    ...(rule === undefined ? {} : { rule }),
    ...(liars === undefined ? {} : { liars: Number(liars) }),
    ...(noise === undefined ? {} : { noise: amount('--noise', noise) }),
    ...(hold === undefined ? {} : { hold: amount('--hold', hold) }),
    ...(participantsMin === undefined ? {} : { participantsMin: Number(participantsMin) }),
  }
}

function everyFrom(text: string): number {
  if (text === 'off') return 0
  const { everyMsMin, everyMsMax } = roundsLimits
  const read = parseDuration(text)
  if (!read.ok || read.value < everyMsMin || read.value > everyMsMax) {
    throw wrongUse(`--every ${text} is no duration from 1m to 30d`, 'write 1h, 30m or off')
  }
  return read.value
}

function amount(flag: string, text: string): number {
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text)
  throw wrongUse(`${flag} is ${JSON.stringify(text)}, which is no number`, 'write 0, or 1.5')
}
