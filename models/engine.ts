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

export type Tensors = Readonly<Record<string, Tensor>>

/** All that is rejected here is an `EngineError`. The data of inputs are not to be changed meanwhile. */
export interface Session {
  run(inputs: Tensors): Promise<Tensors>
  /**
   * Runs it once for each, one after the other, and gives what comes of the last. An input that a step
   * does not name is what it was in the step before; `carried` says of outputs which input each of
   * them is in the next. So what is learned step by step travels once.
   */
  runInTurn(steps: readonly Tensors[], carried: Readonly<Record<string, string>>): Promise<Tensors>
  close(): Promise<void>
}
