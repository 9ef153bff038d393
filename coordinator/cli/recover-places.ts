/** The data directories that a recovery looks into: opened as their agent would, when none runs. */
import { existsSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { DataDirectory } from '../../agent/ports/data-directory.ts'
import { DataDirectoryError } from '../../agent/ports/data-directory-errors.ts'
import { identityFile } from '../../agent/ports/secrets.ts'
import { exitCodes } from '../../protocol/exit-codes.ts'
import { type PeerId, signerFromSeed } from '../../protocol/identity/peer-id.ts'
import { Problem } from '../../protocol/problem.ts'

export interface Place {
  path: string
  directory: DataDirectory
  /** Whose it is. */
  id: PeerId
}

/** Opens them all, or none; with the key of their stores, where they are sealed. */
export async function openPlaces(paths: readonly string[], storeKeyFile: string): Promise<Place[]> {
  const places: Place[] = []
  try {
    for (const path of new Set(paths.map((each) => resolve(each))))
      places.push(await openPlace(path, storeKeyFile))
    return places
  } catch (error) {
    await closePlaces(places)
    throw error
  }
}

export async function closePlaces(places: readonly Place[]): Promise<void> {
  for (const { directory } of places) await directory.close()
}

async function openPlace(path: string, storeKeyFile: string): Promise<Place> {
  // Opening would make what is not there.
  if (!existsSync(join(path, 'store', 'CURRENT')) || !existsSync(join(path, identityFile)))
    throw noAgents(path)
  refuseOtherUser(path)
  const directory = await opened(path, storeKeyFile)
  const seed = await directory.secrets.read(identityFile)
  if (!seed) throw noAgents(path)
  return { path, directory, id: signerFromSeed(seed).id }
}

async function opened(path: string, storeKeyFile: string): Promise<DataDirectory> {
  try {
    return await DataDirectory.open(path, storeKeyFile)
  } catch (error) {
    if (!(error instanceof DataDirectoryError) || error.code !== 'locked') throw error
    const { code, why } = error
    const fix = 'stop that agent first: what it holds is only looked at while it does not run'
    throw new Problem({ code, why, fix, exitCode: exitCodes.conflict }, error)
  }
}

/** What the superuser writes there, the agent could not open afterwards. */
function refuseOtherUser(path: string): void {
  const { uid } = statSync(join(path, 'store', 'CURRENT'))
  if (process.getuid === undefined || process.getuid() !== 0 || uid === 0) return
  throw new Problem({
    code: 'otherUser',
    why: `${path} belongs to the user with id ${uid}, whose agent could not use it any more`,
    fix: `run this as that user: sudo -u '#${uid}' skein recover …`,
    exitCode: exitCodes.refused,
  })
}

function noAgents(path: string): Problem {
  return new Problem({
    code: 'noData',
    why: `no agent has kept its data in ${path}`,
    fix: 'name the data directory of an agent with --data-directory, or its configuration with --config',
    exitCode: exitCodes.notFound,
  })
}
