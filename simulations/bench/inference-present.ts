/** The runtime in the process that asks, with the same options: what `inference.ts` compares with. */
import { InferenceSession, Tensor as RuntimeTensor } from 'onnxruntime-node'
import { type Engine, EngineError, type Tensor } from '../../models/engine.ts'

export const enginePresent: Engine = {
  async open(model) {
    const session = await InferenceSession.create(model, {
      intraOpNumThreads: 1,
      interOpNumThreads: 1,
      graphOptimizationLevel: 'all',
    })
    return {
      async run(inputs) {
        const given = Object.entries(inputs).map(
          ([name, { dims, data }]) => [name, new RuntimeTensor(data, dims)] as const,
        )
        const outputs = await session.run(Object.fromEntries(given))
        return outputs as unknown as Record<string, Tensor>
      },
      // Asked of nobody here.
      runInTurn: () => Promise.reject(new EngineError('refused', 'one run at a time')),
      close: () => session.release(),
    }
  },
}
