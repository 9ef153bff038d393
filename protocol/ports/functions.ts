/** Functions of JavaScript modules, each call in a thread of its own that can be ended any time. */
export interface FunctionSpec {
  /** Absolute path. */
  module: string
  export: string
  /** JSON. */
  input: string
  env: Readonly<Record<string, string>>
  /** For its heap. */
  memoryBytes: number
  /** Of the result, as JSON. */
  resultBytesMax: number
}

/** `result` is JSON; absent when the function returned nothing. */
export type FunctionEnd =
  | { kind: 'returned'; result?: string }
  | { kind: 'threw'; message: string }
  | { kind: 'notFound'; message: string }
  | { kind: 'outOfMemory' }
  | { kind: 'badResult'; message: string }
  | { kind: 'ended'; message: string }

export interface FunctionCall {
  /** Resolves once the thread is gone. */
  ended(): Promise<FunctionEnd>
  stop(): void
}

export interface Functions {
  call(
    spec: FunctionSpec,
    onOutput: (from: 'stdout' | 'stderr', chunk: Uint8Array) => void,
  ): FunctionCall
}
