/**
 * The steps by which a mesh goes over to another swarm key, and when whoever leads goes on to the
 * next. Pure: what is known of the hosts goes in, and the step comes out.
 *
 * Invariant: at each step every host that has come so far takes every key that any host of this step
 * or the one before dials with.
 */
import type { PeerId } from '../../protocol/identity/peer-id.ts'

/** In their order, as the wire has them. */
export const swarmSteps = {
  /** The new key is taken, the old one is dialled with. */
  taken: 1,
  /** The new key is dialled with, the old one is still taken. */
  dialled: 2,
  /** The old key is taken no more. */
  alone: 3,
} as const
export type SwarmStep = keyof typeof swarmSteps

const names = Object.keys(swarmSteps) as SwarmStep[]

export function swarmStepOf(number: number): SwarmStep | undefined {
  return names.find((name) => swarmSteps[name] === number)
}

export interface HeldSwarmKey {
  /** By the leader's calendar: it tells keys apart, and the later one holds. 0: never rotated. */
  madeMs: number
  step: SwarmStep
  key: Uint8Array
  /** The one before, while it is still taken. */
  was?: Uint8Array
}

export function dialledOf({ step, key, was }: HeldSwarmKey): Uint8Array {
  return step === 'taken' && was !== undefined ? was : key
}

/** What the mesh as a whole has come to. */
export interface SwarmGoal {
  madeMs: number
  step: SwarmStep
}

/** What a host has said of itself. */
export interface SwarmReport {
  madeMs: number
  step: SwarmStep
  /** Connections that it has dialled and not renewed yet. */
  older: number
}

export interface SwarmHost {
  id: PeerId
  /** It can be asked now. */
  isHere: boolean
  report?: SwarmReport | undefined
}

/** Nothing is left for that host to do. */
export function hasReached(report: SwarmReport | undefined, goal: SwarmGoal): boolean {
  if (report?.madeMs !== goal.madeMs || report.step !== goal.step) return false
  return goal.step !== 'dialled' || report.older === 0
}

/** It has the key, so that it finds back from wherever it is. */
function has({ report }: SwarmHost, { madeMs }: SwarmGoal): boolean {
  return report?.madeMs === madeMs
}

/** `isForced`: a person has said that nobody is waited for. */
export function nextStep(
  goal: SwarmGoal,
  hosts: readonly SwarmHost[],
  isForced: boolean,
): SwarmStep | undefined {
  const lacks = ({ report }: SwarmHost): boolean => !hasReached(report, goal)
  switch (goal.step) {
    case 'taken':
      // Whoever is away can still come back by the old key.
      return isForced || !hosts.some((host) => host.isHere && lacks(host)) ? 'dialled' : undefined
    case 'dialled':
      return isForced || !hosts.some((host) => (host.isHere ? lacks(host) : !has(host, goal)))
        ? 'alone'
        : undefined
    case 'alone':
      return undefined
  }
}
