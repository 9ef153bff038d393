/** `skein secret …`: values come from a file or stdin, never from an argument, and are never shown. */
import { exitCodes } from '../../protocol/exit-codes.ts'
import { secretLimits } from '../secrets/limits.ts'
import { confirm } from './confirm.ts'
import { type Context, document } from './context.ts'
import { age } from './figures.ts'
import { fileBytes } from './file-bytes.ts'
import { plain, table } from './table.ts'

export async function set(context: Context, name: string, file: string): Promise<number> {
  const bytesMax = secretLimits.valueBytesMax
  // As it is: a stage that takes it as a file has every byte of it.
  const given = await fileBytes(file, { bytesMax, fix: 'name a file with the value in it' })
  const body = { value: Buffer.from(given).toString('base64') }
  const answer = await context.client.call('setSecret', { parameters: { secret: name }, body })
  if (context.json) document(context, answer)
  else if (!context.quiet) context.io.err(`secret ${plain(name)} is set\n`)
  return exitCodes.done
}

export async function list(context: Context): Promise<number> {
  const answer = await context.client.call('secrets')
  const { secrets } = answer
  const { io } = context
  if (context.json) document(context, answer)
  else if (secrets.length > 0) {
    const rows = secrets.map(({ name, by, atMs }) => [
      plain(name),
      plain(by),
      age(Math.max(0, Date.now() - atMs)),
    ])
    const columns = [{ title: 'SECRET' }, { title: 'SET BY' }, { title: 'AGE', right: true }]
    io.out(`${table(columns, rows, io.columns())}\n`)
    const read = secrets.filter(({ resealed }) => resealed).map(({ name }) => plain(name))
    if (read.length > 0 && !context.quiet) {
      io.err(`who had the key of secrets before may have read these: ${read.join(', ')}\n`)
    }
  } else if (!context.quiet) io.err('there are none; skein secret set NAME makes one\n')
  return secrets.length > 0 ? exitCodes.done : exitCodes.notFound
}

export async function remove(context: Context, name: string): Promise<number> {
  await confirm(context, `secret ${plain(name)} is removed, and stages that name it fail`)
  const answer = await context.client.call('removeSecret', { parameters: { secret: name } })
  if (context.json) document(context, answer)
  else if (!context.quiet) context.io.err(`secret ${plain(name)} is removed\n`)
  return exitCodes.done
}
