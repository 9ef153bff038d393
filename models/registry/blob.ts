/**
 * A version of the common model as bytes, and back. It is named by the hash of its bytes, which are a
 * model in ONNX that says all by itself. What comes from others is taken only if it is the graph that
 * is made here, to the byte, around numbers that make sense: so nothing but numbers is learned of
 * anybody, and what a version says is what its numbers say here.
 */
import { assert } from '../../protocol/assert.ts'
import { sameBytes } from '../../protocol/same-bytes.ts'
import { ports, predictionModel } from '../nets/graphs.ts'
import type { Expectations } from '../onnx/check.ts'
import { bytesOf } from '../onnx/write.ts'
import { levels } from '../rows.ts'
import { commonLength, commonShape } from './common.ts'
import { registryLimits } from './limits.ts'
import { soundIn } from './sound.ts'

export type Unpacked =
  | { readonly ok: true; readonly parameters: Float32Array }
  | { readonly ok: false; readonly why: string }

const rows = 'rows'
const expected: Expectations = {
  inputs: { [ports.features]: { type: 'float32', dims: [rows, commonShape.features] } },
  outputs: { [ports.quantiles]: { type: 'float32', dims: [rows, levels.length] } },
  weights: { [ports.parameters]: [commonLength] },
  operators: new Set(
    predictionModel(commonShape, new Float32Array(commonLength)).graph.nodes.map(
      ({ operator }) => operator,
    ),
  ),
}

/** The same numbers give the same bytes. */
export function packed(parameters: Float32Array): Uint8Array {
  const why = wrongNumbers(parameters)
  assert(why === undefined, 'a version must be of numbers that make sense', { why })
  return graphAround(parameters)
}

export function isVersionHash(text: string): boolean {
  return /^[0-9a-f]{64}$/.test(text)
}

/** `hash`: by which it was asked for. */
export function unpacked(bytes: Uint8Array, hash: string): Unpacked {
  const { blobBytesMax: bytesMax } = registryLimits
  const sound = soundIn(bytes, { hash, what: 'version', bytesMax, expected })
  if (!sound.ok) return sound
  const weights = sound.graph.weights.find(({ name }) => name === ports.parameters)
  const data = weights?.data
  if (!(data instanceof Float32Array)) return refused('it has learned nothing')
  const why = wrongNumbers(data)
  if (why !== undefined) return refused(why)
  if (!sameBytes(graphAround(data), bytes)) return refused('its graph is not that of this model')
  return { ok: true, parameters: data }
}

function graphAround(parameters: Float32Array): Uint8Array {
  return bytesOf(predictionModel(commonShape, parameters))
}

/** Why these are no version's; undefined where they are. */
export function wrongNumbers(parameters: Float32Array): string | undefined {
  if (parameters.length !== commonLength) {
    return `it has learned ${parameters.length} numbers; this model has ${commonLength}`
  }
  const wild = parameters.find((value) => !(Math.abs(value) <= registryLimits.parameterMax))
  return wild === undefined ? undefined : `it has learned the number ${wild}, which is no weight`
}

function refused(why: string): Unpacked {
  return { ok: false, why }
}
