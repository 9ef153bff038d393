/** Where models run, as models see it: in a process of its own on a host, and ended with it. */

export interface Tensor {
  readonly dims: readonly number[]
  readonly data: Float32Array | BigInt64Array
}

export interface Engine {
  /** A model in ONNX, which has been looked at before. Rejects what the runtime does not take. */
  open(model: Uint8Array): Promise<Session>
}

export interface Session {
  run(inputs: Readonly<Record<string, Tensor>>): Promise<Readonly<Record<string, Tensor>>>
  close(): Promise<void>
}
