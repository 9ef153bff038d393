/**
 * The model of one key: a value at a revision, or nothing. Each write of a key has a greater revision
 * than all before it. What a write that nobody heard of wrote has one that is not known until
 * somebody is told.
 */
import type { Operation } from './operations.ts'

export interface Register {
  /** Undefined: nothing there. */
  readonly value: string | undefined
  /** 0 where nothing is; undefined: not known. */
  readonly revision: number | undefined
  /** The greatest that is known to have been used: what comes is above it. */
  readonly floor: number
}

export const emptyRegister: Register = { value: undefined, revision: 0, floor: 0 }

/**
 * The register after an operation that was told this outcome, had it found this one; undefined when
 * it could not have been told so. Of what nobody heard of, only that it took effect is asked here:
 * that it did not is the same as leaving it out.
 */
export function step(register: Register, operation: Operation): Register | undefined {
  const { op, outcome } = operation
  switch (outcome.kind) {
    case 'read':
      return outcome.value === register.value ? told(register, outcome.revision) : undefined
    case 'ok':
    case 'unknown': {
      if (op.kind === 'get') return undefined
      const found = op.expect === undefined ? register : told(register, op.expect)
      if (found === undefined) return undefined
      const revision = outcome.kind === 'ok' ? outcome.revision : undefined
      if (revision !== undefined && revision <= found.floor) return undefined
      const floor = revision ?? found.floor
      if (op.kind === 'put') return { value: op.value, revision, floor }
      return found.value === undefined ? undefined : { ...emptyRegister, floor }
    }
    case 'conflict':
      if (op.kind === 'get' || op.expect === undefined) return undefined
      if (op.expect === outcome.revision) return undefined
      if (op.kind === 'delete' && register.value === undefined) return undefined
      return told(register, outcome.revision)
    case 'notFound':
      return register.value === undefined ? register : undefined
    case 'refused':
      return register
  }
}

/** With what was told of its revision, if it can be so. */
function told(register: Register, revision: number | undefined): Register | undefined {
  if (revision === undefined || revision === register.revision) return register
  if (register.revision !== undefined || revision <= register.floor) return undefined
  return { ...register, revision, floor: revision }
}

/** Whether the key may yet be at this revision, now or later. */
export function mayCome({ revision, floor }: Register, expect: number | undefined): boolean {
  return expect === undefined || expect === 0 || expect > floor || expect === revision
}

export function describeRegister({ value, revision }: Register): string {
  if (value === undefined) return 'nothing'
  return `${JSON.stringify(value)} at ${revision ?? 'an unknown revision'}`
}
