/** `skein agent leave`: out of the mesh in good order. It asks first: what it stops stays stopped. */
import { exitCodes } from '../../protocol/exit-codes.ts'
import { confirm } from './confirm.ts'
import { type Context, document } from './context.ts'
import { plain } from './table.ts'

export async function leave(context: Context): Promise<number> {
  const { client } = context
  if (!context.yes) {
    const { agent, mesh } = await client.call('status')
    const others = `${mesh.size - 1} other node${mesh.size === 2 ? '' : 's'}`
    const who = `the agent ${plain(agent.name)} at ${client.address}`
    await confirm(context, `${who} leaves mesh ${plain(mesh.name)} (${others}) and stops`)
  }
  const answer = await client.call('leave')
  if (context.json) document(context, answer)
  else if (!context.quiet) context.io.err('the agent leaves the mesh and stops\n')
  return exitCodes.done
}
