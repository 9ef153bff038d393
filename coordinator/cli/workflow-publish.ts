/** `skein workflow publish` and `ls`: workflows that have a name in the mesh. */
import { exitCodes } from '../../protocol/exit-codes.ts'
import { type Context, document } from './context.ts'
import { checkedWorkflow } from './run.ts'
import { plain, table } from './table.ts'

const HASH_DIGITS = 12

export async function publish(context: Context, file: string): Promise<number> {
  const { text } = await checkedWorkflow(context, file)
  const answer = await context.client.call('publishWorkflow', { body: { workflow: text } })
  if (context.json) document(context, answer)
  else if (!context.quiet) {
    for (const { name, hash } of answer.workflows) {
      context.io.err(`published ${plain(name)}, ${hash.slice(0, HASH_DIGITS)}\n`)
    }
  }
  return exitCodes.done
}

export async function list(context: Context): Promise<number> {
  const answer = await context.client.call('workflows')
  const { workflows } = answer
  const { io } = context
  if (context.json) document(context, answer)
  else if (workflows.length > 0) {
    const rows = workflows.map(({ name, hash }) => [plain(name), hash.slice(0, HASH_DIGITS)])
    io.out(`${table([{ title: 'WORKFLOW' }, { title: 'HASH' }], rows, io.columns())}\n`)
  } else if (!context.quiet) io.err('none was published; skein workflow publish FILE does it\n')
  return workflows.length > 0 ? exitCodes.done : exitCodes.notFound
}
