/** States what must be true, in production too. A failure is a bug of ours, never a peer's doing. */
export class AssertionFailed extends Error {
  constructor(message: string, values?: Readonly<Record<string, unknown>>) {
    super(values ? `${message} ${JSON.stringify(values)}` : message)
    this.name = 'AssertionFailed'
  }
}

export function assert(
  condition: unknown,
  message: string,
  values?: Readonly<Record<string, unknown>>,
): asserts condition {
  if (!condition) throw new AssertionFailed(message, values)
}

export function assertNever(value: never, message = 'unreachable case'): never {
  throw new AssertionFailed(message, { value })
}
