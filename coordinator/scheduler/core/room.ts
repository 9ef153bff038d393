/** What attempts take of their hosts, and give back. */
import type { Core } from './core.ts'
import type { Unit } from './run.ts'

/** It takes room on its host. */
export function take(core: Core, unit: Unit): void {
  const { node, plan } = unit
  setAsideAt(core, unit, node)
  if (unit.parent !== undefined && plan.stage.where.spread !== undefined) notePlaced(core, unit)
}

export function setAsideAt(core: Core, unit: Unit, node: string): void {
  core.hosts.setAside(node, unit.plan.stage.resources)
  const units = core.assignedTo.get(node)
  if (units === undefined) core.assignedTo.set(node, new Set([unit]))
  else units.add(unit)
}

function notePlaced(core: Core, { parent, plan, node }: Unit): void {
  const { spread } = plan.stage.where
  const host = core.hosts.get(node)
  const value = spread === 'host' ? node : host?.labels[spread!]
  const { placed } = parent!.items!
  if (value !== undefined) placed.set(value, (placed.get(value) ?? 0) + 1)
}

export function giveBack(core: Core, unit: Unit): void {
  giveBackAt(core, unit, unit.node)
}

export function giveBackAt(core: Core, unit: Unit, node: string): void {
  core.hosts.release(node, unit.plan.stage.resources)
  takeOff(core, unit, node)
  core.ready.changed()
}

/** The unit has nothing more to do with the host; the room there is kept, or given back apart. */
export function takeOff(core: Core, unit: Unit, node: string): void {
  const units = core.assignedTo.get(node)
  units?.delete(unit)
  if (units?.size === 0) core.assignedTo.delete(node)
}
