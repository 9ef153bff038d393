/** The same promises where programs run as another user; only root can start them so. */
import { test } from 'node:test'
import { pythonNursery } from '../../agent/ports/cells/nursery-python.ts'
import { userOfStages, whyNoUser } from '../ports/stage-user.ts'
import { realCellsContract } from './real-cells.ts'

if (whyNoUser === undefined) {
  const user = await userOfStages()
  realCellsContract('the host’s cells as another user, by Python', [pythonNursery], { user })
  realCellsContract('the host’s cells as another user, started directly', [], { user })
} else test('the host’s cells as another user', { skip: whyNoUser }, () => {})
