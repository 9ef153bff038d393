/** The sample workflow of `skein up --sample`. A mesh that cannot run it is a mesh all the same. */
import { Problem } from '../../protocol/problem.ts'
import { Client } from './client.ts'
import { sleep } from './context.ts'
import type { SignIn } from './sign-in.ts'

const TRIES = 40
const PAUSE_MS = 250

/** Waits for the mesh to have a leader, which takes it a moment. */
export async function beginSample(
  address: string,
  signIn: SignIn,
  workflow: string,
  say: (text: string) => void,
): Promise<void> {
  const never = new AbortController().signal
  const client = new Client(address, signIn, never)
  const body = { workflow }
  for (let left = TRIES; ; left--) {
    try {
      const { run } = await client.call('startRun', { body })
      say(`a sample workflow runs: skein runs watch ${run.id}, or skein runs logs ${run.id} -f`)
      return
    } catch (error) {
      if (!(error instanceof Problem)) throw error
      if (left > 0) await sleep(PAUSE_MS, never)
      else return say(`no sample workflow: ${error.message}`)
    }
  }
}
