/** The same promises where programs run in a sandbox, on hosts that have what it takes. */
import { test } from 'node:test'
import { pythonNursery } from '../../agent/ports/cells/nursery-python.ts'
import { holdingOf } from '../../agent/ports/cells/privileges.ts'
import { openSandbox } from '../../agent/ports/cells/sandbox.ts'
import { userOfStages, whyNoUser } from '../ports/stage-user.ts'
import { realCellsContract } from './real-cells.ts'

const sandbox = await openSandbox([], holdingOf(undefined).held)
if (sandbox.missing === undefined) {
  realCellsContract('cells in a sandbox, by Python', [pythonNursery], { sandbox })
} else test('cells in a sandbox', { skip: sandbox.missing }, () => {})

if (whyNoUser === undefined) {
  const user = await userOfStages()
  const his = await openSandbox([], holdingOf(user).held)
  const name = 'cells in a sandbox as another user, by Python'
  if (his.missing === undefined) realCellsContract(name, [pythonNursery], { user, sandbox: his })
  else test(name, { skip: his.missing }, () => {})
}
