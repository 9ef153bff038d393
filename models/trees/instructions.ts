/**
 * WebAssembly, as much of it as `kernel.ts` needs, written as bytes: so nothing is built beforehand.
 * What takes something from the stack is a function of what puts it there.
 */

export type Code = readonly number[]

type Both = (a: Code, b: Code) => Code

export const types = { i32: 0x7f, v128: 0x7b } as const
type Type = keyof typeof types

/** Of rows of four, each of four bytes. */
const vector = (code: number): Code => [0xfd, ...unsigned(code)]
const both =
  (code: Code): Both =>
  (a, b) => [...a, ...b, ...code]

export const get = (local: number): Code => [0x20, local]
export const set = (local: number, value: Code): Code => [...value, 0x21, local]
export const tee = (local: number, value: Code): Code => [...value, 0x22, local]
export const number = (value: number): Code => [0x41, ...signed(value)]
export const isBelow: Both = both([0x49])
export const leadingZeros = (value: Code): Code => [...value, 0x67]
export const plus: Both = both([0x6a])
export const and: Both = both([0x71])
export const shiftedLeft: Both = both([0x74])
export const shiftedRight: Both = both([0x76])

/** `beyond` the address, in bytes. */
export const load = (at: Code, beyond = 0): Code => [...at, 0x28, 2, ...unsigned(beyond)]
export const loadFour = (at: Code): Code => [...at, ...vector(0), 2, 0]
export const loadAlike = (at: Code, beyond = 0): Code => {
  return [...at, ...vector(9), 2, ...unsigned(beyond)]
}
export const storeFour = (at: Code, value: Code): Code => [...at, ...value, ...vector(11), 2, 0]
export const isAtMost: Both = both(vector(69))
export const andFour: Both = both(vector(78))
export const orFour: Both = both(vector(80))
export const plusFour: Both = both(vector(228))

/** From four addresses, one float each. */
export function gathered(at: readonly [Code, Code, Code, Code]): Code {
  const first = [...vector(92), 2, 0]
  const others = [1, 2, 3].flatMap((lane) => [...vector(86), 2, 0, lane])
  return [...at.toReversed().flat(), ...first, ...others]
}

export function eitherOf(condition: Code, then: Code, otherwise: Code): Code {
  return [...condition, 0x04, 0x40, ...then, 0x05, ...otherwise, 0x0b]
}

/** Once, and again for as long as `condition` holds at the end. */
export function repeated(body: Code, condition: Code): Code {
  return [0x03, 0x40, ...body, ...condition, 0x0d, 0, 0x0b]
}

/** Takes so many numbers, keeps the others, and gives nothing back. */
export interface Routine {
  readonly name: string
  readonly takes: number
  readonly keeps: readonly Type[]
  readonly code: Code
}

/** With one page of memory, which is given out as `memory`. */
export function moduleOf(routines: readonly Routine[]): Uint8Array<ArrayBuffer> {
  const signatures = routines.map(({ takes }) => {
    return [0x60, ...list(Array.from({ length: takes }, () => [types.i32])), 0]
  })
  const exported = routines.map(({ name }, i) => [...text(name), 0, i])
  const bodies = routines.map(({ keeps, code }) => {
    const body = [...list(keeps.map((type) => [1, types[type]])), ...code, 0x0b]
    return [...unsigned(body.length), ...body]
  })
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, signatures),
    ...section(
      3,
      routines.map((_, i) => [i]),
    ),
    ...section(5, [[0, 1]]),
    ...section(7, [[...text('memory'), 2, 0], ...exported]),
    ...section(10, bodies),
  ])
}

function section(id: number, items: readonly Code[]): Code {
  const content = list(items)
  return [id, ...unsigned(content.length), ...content]
}

function list(items: readonly Code[]): Code {
  return [...unsigned(items.length), ...items.flat()]
}

function text(value: string): Code {
  return list([...new TextEncoder().encode(value)].map((byte) => [byte]))
}

/** Seven bits a byte, the lowest first. */
function unsigned(value: number): Code {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...unsigned(value >>> 7)]
}

function signed(value: number): Code {
  const isLast = value >= -0x40 && value < 0x40
  return isLast ? [value & 0x7f] : [(value & 0x7f) | 0x80, ...signed(value >> 7)]
}
