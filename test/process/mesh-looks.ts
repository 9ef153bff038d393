/** What tests ask a mesh of real agents through the command line, and how they wait for it. */
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { Status } from '../../coordinator/api/schemas.ts'
import { lookIn } from './looking.ts'

/** Until it is so; the deadline is only there to end a test that hangs. */
export async function until(what: string, holds: () => Promise<boolean> | boolean): Promise<void> {
  const endMs = performance.now() + 120_000
  while (!(await holds())) {
    assert.ok(performance.now() < endMs, what)
    await sleep(100)
  }
}

export function looksBy(env: Readonly<Record<string, string>>) {
  const jsonOf = async (...args: string[]): Promise<unknown> => {
    const { out } = await lookIn(env, ...args, '--json')
    return out.trim() === '' ? undefined : JSON.parse(out)
  }
  const statusOf = async (): Promise<Status | undefined> => {
    const read = Status.safeParse(await jsonOf('status'))
    return read.success ? read.data : undefined
  }
  return { jsonOf, statusOf }
}
