/** Kinds of names and short texts that several parts of the language share. */
import { workflowLimits as limits } from '../limits.ts'
import { list, mapOf } from '../shape/collections.ts'
import { name, text } from '../shape/scalars.ts'
import { template } from '../shape/templates.ts'

export const description = text({
  noun: 'a description',
  lengthMax: limits.descriptionLengthMax,
})

export const stageName = name('the name of a stage')

export const stageNames = list(stageName, {
  noun: 'a list of stages',
  max: limits.needsMax,
  oneIsEnough: true,
  distinct: true,
})

export const nameKeys = {
  noun: 'a name',
  regex: /^[A-Za-z][A-Za-z0-9_-]{0,62}$/,
  says: 'a name begins with a letter, and goes on with up to 62 letters, digits, - and _',
}

/** As agents know them: `zone`, `example.com/rack`. */
export const labelKeys = {
  noun: 'a label',
  regex: /^[A-Za-z0-9]([A-Za-z0-9._/-]{0,62})$/,
  says: 'a label has up to 63 letters, digits, dots, slashes, - and _',
}

export const labels = mapOf(text({ noun: 'a value', lengthMax: limits.labelValueLengthMax }), {
  noun: 'labels',
  max: limits.labelsMax,
  keys: labelKeys,
})

export const variableKeys = {
  noun: 'a variable',
  regex: /^(?!SKEIN_)[A-Za-z_][A-Za-z0-9_]{0,127}$/,
  says: 'a variable has letters, digits and _, and does not begin with SKEIN_',
}

export const env = mapOf(template('a value'), {
  noun: 'variables of the environment',
  max: limits.envMax,
  keys: variableKeys,
})

export const secretName = text({
  noun: 'the name of a secret',
  lengthMin: 1,
  lengthMax: 128,
  pattern: {
    regex: /^[A-Za-z][A-Za-z0-9_./-]*$/,
    says: 'it begins with a letter, and goes on with letters, digits, dots, slashes, - and _',
  },
})

export const word = text({ noun: 'a word', lengthMin: 1, lengthMax: 128 })
