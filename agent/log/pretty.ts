/**
 * One line of the log for eyes:
 * `22:31:07.123 info  membership  node suspect  name=n3 by=n1`
 *
 * Fields can hold what other hosts sent. Nothing in them may end the line, start a second one or
 * speak to the terminal, so what is not plain text is quoted and escaped.
 */
import type { MessageFormatFunc } from 'pino-pretty'

/** Loaded only when somebody will look: it takes its time, and an agent under systemd needs none of it. */
export async function prettyFormat(colour: boolean): Promise<(json: string) => string> {
  const { prettyFactory } = (await import('pino-pretty')).default
  // Made here, for it brings eight MiB of the world's calendars into memory.
  const timeOfDay = new Intl.DateTimeFormat('en-GB', {
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    fractionalSecondDigits: 3,
  })
  return prettyFactory({
    colorize: colour,
    // The whole line is ours: of what it could add by itself, nothing is left to it.
    include: 'msg',
    hideObject: true,
    customColors: 'message:reset',
    messageFormat: (line, _key, _label, { colors }) =>
      format(line, timeOfDay.format(Number(line.time)), colors),
  }) as (json: string) => string
}

type Colours = Parameters<MessageFormatFunc>[3]['colors']

const levelWidth = 5
const own = new Set(['time', 'level', 'component', 'msg'])

function format(line: Readonly<Record<string, unknown>>, time: string, colors: Colours): string {
  const { level, component, msg } = line
  const paint = { debug: colors.gray, info: colors.green, warn: colors.yellow, error: colors.red }
  const word = String(level)
  const shown = word.padEnd(levelWidth)
  const fields = Object.entries(line).flatMap(([name, value]) =>
    own.has(name) ? [] : [`${colors.gray(`${plain(name)}=`)}${plain(value)}`],
  )
  const parts = [
    `${colors.gray(time)} ${word in paint ? paint[word as keyof typeof paint](shown) : shown}`,
    ...(component === undefined ? [] : [colors.cyan(plain(component))]),
    escaped(String(msg)),
    ...(fields.length === 0 ? [] : [fields.join(' ')]),
  ]
  return `${parts[0]} ${parts.slice(1).join('  ')}`
}

/** A value as one word, quoted when it would not read as one. */
function plain(value: unknown): string {
  const text = String(value)
  return /^[^\s"=]+$/u.test(text) && text === escaped(text) ? text : escaped(JSON.stringify(text))
}

/** Control characters, line separators and what turns the direction of writing, made visible. */
function escaped(text: string): string {
  return text.replace(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
