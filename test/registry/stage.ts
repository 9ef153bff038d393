/** A mesh with versions of the common model, as rounds would bring them in. */
import assert from 'node:assert/strict'
import type { VersionStanding } from '../../agent/learning/advisor.ts'
import { Registry } from '../../coordinator/learning/registry.ts'
import { examplesOf } from '../../models/federation/describing.ts'
import { NetTrainable } from '../../models/federation/rounds/net-trainable.ts'
import { Net } from '../../models/nets/net.ts'
import { packed } from '../../models/registry/blob.ts'
import { commonShape, firstCommon } from '../../models/registry/common.ts'
import type { Family } from '../../models/registry/learned.ts'
import { hashOf } from '../../models/registry/sound.ts'
import type { NewVersion } from '../../models/registry/versions.ts'
import type { Row } from '../../models/rows.ts'
import { SeededEntropy } from '../../simulations/world/entropy.ts'
import { type Member, Mesh } from '../history/stage.ts'

export const versionOf = (seed: number) => packed(firstCommon(new SeededEntropy(seed)))

export function made(bytes: Uint8Array, parent?: string): NewVersion {
  return {
    ...{ hash: hashOf(bytes), kind: 'duration', madeMs: 1_000, hosts: 3, rows: 300, round: 1 },
    ...{ parents: parent === undefined ? [] : [parent], lossBefore: 0.4, lossAfter: 0.3 },
  }
}

export class Learning {
  readonly mesh: Mesh

  constructor(mesh: Mesh) {
    this.mesh = mesh
  }

  static async of(seed: string, size = 3, programs = {}): Promise<Learning> {
    return new Learning(await Mesh.of(seed, size, { schedules: true, learns: true, programs }))
  }

  get registry(): Registry {
    return new Registry(this.mesh.leader!.agent)
  }

  /** As a round would bring it in. */
  async add(version: Uint8Array, parent?: string, family?: Family): Promise<string> {
    const { mesh } = this
    await mesh.answer(mesh.leader!.agent.learning.models.put(version))
    const of = family === undefined ? {} : { family }
    const added = await mesh.answer(this.registry.add({ ...made(version, parent), ...of }))
    assert.ok(added.ok, JSON.stringify(added))
    return hashOf(version)
  }

  async run(name: string, times: number, text = workflow(name)): Promise<void> {
    const { mesh } = this
    const ready = () => mesh.members.every(({ agent }) => agent.work.leader !== undefined)
    await mesh.until(ready, 'led')
    for (let i = 0; i < times; i++) {
      const body = { workflow: text }
      const started = await mesh.call(mesh.leader!, 'startRun', { body })
      const isDone = () => mesh.hot(started.run.id)?.head.state === 'succeeded'
      await mesh.until(isDone, 'it is done')
    }
  }

  /** Hosts say so of it from now on, whatever they have seen. */
  say(hash: string, told: (member: Member) => Partial<VersionStanding>): void {
    for (const member of this.mesh.members) {
      const usual = { attempts: 50, n: 50, loss: 0.3, rival: 0.4, plain: 0.4, within: 0.8 }
      member.agent.learning.advisor.standings = () => [{ hash, ...usual, ...told(member) }]
    }
  }

  async state(hash: string, state: string): Promise<void> {
    const is = () =>
      this.registry.view().versions.find((each) => each.hash === hash)?.state === state
    await this.mesh.until(is, `${hash.slice(0, 6)} becomes ${state}`, 200_000)
  }

  events(): string[] {
    const kinds = this.mesh.members.flatMap(({ agent }) =>
      agent.journal.past(0, 1_000).map(({ kind }) => kind),
    )
    return kinds.filter((kind) => kind.startsWith('model.'))
  }
}

const workflow = (name: string) => `apiVersion: skein/v1
kind: Workflow
name: ${name}
stages:
  one: { run: [build] }
  two: { run: [build] }
  three: { run: [build] }
  pause: { wait: 1s }
`

/** By what all hosts remember, as rounds would in the end. */
export async function trained(mesh: Mesh): Promise<Float32Array> {
  const rows: Row[] = []
  for (const { agent, host } of mesh.members) {
    const read = async () => {
      for await (const row of agent.learning.history.rows()) rows.push({ ...row, host: host.name })
    }
    await mesh.answer(read())
  }
  const chance = new SeededEntropy('trained')
  const net = new NetTrainable(new Net(mesh.leader!.agent.ports.engine, commonShape))
  const how = { steps: 120, batch: 32, rate: 0.02, hold: 0, chance }
  return mesh.answer(net.train(firstCommon(chance), examplesOf(rows), how))
}
