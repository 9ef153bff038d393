/** Where models run, as models see it: in a process of its own on a host, and ended with it. */

export interface Tensor {
  readonly dims: readonly number[]
  readonly data: Float32Array | BigInt64Array
}

export type EngineErrorCode =
  /** The runtime does not take the model, or not what it is given. */
  | 'refused'
  /** More than the engine holds, takes or gives. */
  | 'tooLarge'
  /** Too many wait already. */
  | 'busy'
  | 'timeout'
  /** Whatever ran it is gone: by itself, or because it took too much memory. */
  | 'died'
  | 'closed'

export class EngineError extends Error {
  readonly code: EngineErrorCode

  constructor(code: EngineErrorCode, message: string, cause?: unknown) {
    super(message, { cause })
    this.name = 'EngineError'
    this.code = code
  }
}

export interface Engine {
  /**
   * A model in ONNX, which has been looked at before. Rejects what the runtime does not take. The
   * bytes are the engine's from then on.
   */
  open(model: Uint8Array): Promise<Session>
}

export interface Session {
  /** All that is rejected here is an `EngineError`. The data are not to be changed meanwhile. */
  run(inputs: Readonly<Record<string, Tensor>>): Promise<Readonly<Record<string, Tensor>>>
  close(): Promise<void>
}
