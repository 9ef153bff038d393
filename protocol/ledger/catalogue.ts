/** All kinds of command that there are. A folder that adds state to the mesh adds its kinds here. */
import { auditKinds } from './commands/audit.ts'
import { batchKind } from './commands/batch.ts'
import { configKinds } from './commands/config.ts'
import { estopKinds } from './commands/estop.ts'
import type { CommandOf } from './commands/kind.ts'
import { kvKinds } from './commands/kv.ts'
import { nodeKinds } from './commands/nodes.ts'
import { sessionKinds } from './commands/sessions.ts'
import { versionKinds } from './commands/version.ts'
import { workKinds, workRequestKinds } from './commands/work.ts'

/** Those that may stand in a batch. */
const simple = {
  ...kvKinds,
  ...configKinds,
  ...nodeKinds,
  ...estopKinds,
  ...auditKinds,
  ...workRequestKinds,
}

export const catalogue = {
  ...simple,
  ...sessionKinds,
  ...versionKinds,
  ...workKinds,
  batch: batchKind(17, simple),
}

export type SimpleCommand = CommandOf<typeof simple>
export type Command = CommandOf<typeof catalogue>
