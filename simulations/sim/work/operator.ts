/**
 * Somebody who has orders for hosts: drains one for a while, sets labels on others. What was drained
 * is given back, however often it takes to be heard.
 */
import type { Command } from '../../../protocol/ledger/catalogue.ts'
import { below, type Entropy, pick } from '../../../protocol/ports/entropy.ts'
import type { SimulatedMesh } from '../mesh.ts'
import { heardWithin, rest } from '../patience.ts'
import { peopleLimits } from './limits.ts'

export class Operator {
  private readonly mesh: SimulatedMesh
  private readonly entropy: Entropy
  private stopped = false

  constructor(mesh: SimulatedMesh) {
    this.mesh = mesh
    this.entropy = mesh.world.entropy.stream('operator')
  }

  stop(): void {
    this.stopped = true
  }

  async run(): Promise<void> {
    const { orderMs, drainMs, retryMs } = peopleLimits
    const { world } = this.mesh
    while (!this.stopped) {
      await this.rest(orderMs)
      const node = world.hosts[below(this.entropy, world.hosts.length)]!.id
      if (this.entropy.unit() < 0.3) {
        const value = { node, name: 'tier', value: this.entropy.unit() < 0.5 ? 'fast' : 'slow' }
        await this.order({ kind: 'nodeLabelSet', value })
        continue
      }
      // An answer that is lost does not say that the drain is.
      await this.order({ kind: 'nodeDrain', value: { node, by: 'operator', reason: 'a look' } })
      if (!this.stopped) await this.rest(drainMs)
      while (!(await this.order({ kind: 'nodeUndrain', value: { node } }))) await this.rest(retryMs)
    }
  }

  /** Of all hosts: an order of which nothing was heard may have come later than the one that ended it. */
  async release(): Promise<void> {
    for (const { id: node } of this.mesh.world.hosts) {
      const command: Command = { kind: 'nodeUndrain', value: { node } }
      while (!(await this.order(command))) await rest(this.mesh.world, peopleLimits.retryMs)
    }
  }

  private rest(meanMs: number): Promise<void> {
    return rest(this.mesh.world, meanMs * -Math.log(1 - this.entropy.unit()))
  }

  private async order(command: Command): Promise<boolean> {
    const agent = pick(this.entropy, this.mesh.reachable)?.agent
    if (agent === undefined) return false
    const { patienceMs, graceMs } = peopleLimits
    const answer = await heardWithin(
      this.mesh.world,
      patienceMs + graceMs,
      agent.ledger.append(command, { timeoutMs: patienceMs }),
    )
    return answer?.kind === 'applied'
  }
}
