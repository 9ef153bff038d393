/** The whole file: all keys that it may have at its top. */
import { workflowLimits as limits } from '../limits.ts'
import { type Input, type InputType, inputTypes, type Output } from '../model.ts'
import { form, forms, list, mapOf } from '../shape/collections.ts'
import { optional, type RecordOf, record, required } from '../shape/record.ts'
import { choice, decimal, duration, name, text, toggle } from '../shape/scalars.ts'
import { named, type Shape } from '../shape/shape.ts'
import { json, jsonTemplate } from '../shape/templates.ts'
import { concurrency } from './policies.ts'
import { defaults, priority, secrets, stage } from './stage.ts'
import { description, env, labels, nameKeys, word } from './words.ts'

export const API_VERSION = 'skein/v1'

const inputType = choice('a type', inputTypes)

const inputRecord = record(
  {
    type: required(inputType, 'What kind of value it is.'),
    description: optional(description, 'What it is for.'),
    default: optional(json('a value'), 'Taken when none is given.'),
    required: optional(toggle, 'Whether one must be given; so if there is no default.'),
    enum: optional(
      list(json('a value'), { noun: 'a list of values', min: 1, max: limits.inputsMax }),
      'The only values it may have.',
    ),
    pattern: optional(
      text({ noun: 'a pattern', lengthMin: 1, lengthMax: 1_000 }),
      'Found in every value that is a string; RE2 syntax, ^ and $ for the whole.',
    ),
    min: optional(
      decimal('a number', { min: Number.MIN_SAFE_INTEGER, max: Number.MAX_SAFE_INTEGER }),
      'Of a number its size, of a string its length, of a list its elements.',
    ),
    max: optional(
      decimal('a number', { min: Number.MIN_SAFE_INTEGER, max: Number.MAX_SAFE_INTEGER }),
      'The same, upwards.',
    ),
    secret: optional(
      toggle,
      'Not shown with a run, nor in mistakes. What stages write of it is not masked; of secrets it is.',
    ),
  },
  {
    noun: 'an input',
    synonyms: {
      kind: 'type',
      about: 'description',
      values: 'enum',
      options: 'enum',
      choices: 'enum',
      regex: 'pattern',
      minimum: 'min',
      maximum: 'max',
      minlength: 'min',
      maxlength: 'max',
      sensitive: 'secret',
    },
  },
)

const input: Shape<Input> = named(
  'Input',
  forms<Input>({
    noun: 'an input',
    scalar: form(inputType, (type: InputType) => ({ type, required: true, secret: false })),
    map: form(inputRecord, ({ required, secret = false, ...rest }) => ({
      ...rest,
      required: required ?? rest.default === undefined,
      secret,
    })),
    write: (value) => inputRecord.write(value),
  }),
)

const outputValue = jsonTemplate('a value')
const outputRecord = record(
  {
    value: required(outputValue, 'What it is.'),
    description: optional(description, 'What it is for.'),
  },
  { noun: 'an output' },
)

const output: Shape<Output> = forms<Output>({
  noun: 'an output',
  scalar: form(outputValue, (value) => ({ value })),
  list: form(outputValue, (value) => ({ value })),
  map: form(outputRecord, (value) => value),
  write: (value) => outputRecord.write(value),
})

const stageMap = (noun: string, min: number) =>
  mapOf(stage, { noun, min, max: limits.stagesMax, keys: nameKeys })

const workflowFields = {
  apiVersion: required(
    choice('a version of the language', [API_VERSION]),
    'The version of the language.',
  ),
  kind: required(choice('a kind of file', ['Workflow']), 'Workflow.'),
  name: required(name('the name of a workflow'), 'What it is called.'),
  description: optional(description, 'What it is for.'),
  labels: optional(labels, 'To find its runs by.'),
  inputs: optional(
    mapOf(input, { noun: 'inputs', max: limits.inputsMax, keys: nameKeys }),
    'What a run is given; inputs.NAME in expressions.',
  ),
  outputs: optional(
    mapOf(output, { noun: 'outputs', max: limits.outputsMax, keys: nameKeys }),
    'What a run hands on when it has succeeded.',
  ),
  env: optional(env, 'Variables for every stage.'),
  secrets: optional(secrets, 'Secrets for every stage.'),
  defaults: optional(defaults, 'For stages that do not say themselves.'),
  concurrency: optional(concurrency, 'How many runs of a kind may run at once.'),
  priority: optional(priority, '0 to 100; 50 if not said.'),
  deadline: optional(duration('a time', 1), 'When a run should be done.'),
  timeout: optional(duration('a time', 1), 'After which a run is cancelled.'),
  stages: required(stageMap('stages', 1), 'The stages, by name.'),
  onFailure: optional(stageMap('stages', 0), 'Stages that run when the run has failed.'),
  finally: optional(stageMap('stages', 0), 'Stages that run at the end, whatever has happened.'),
  $schema: optional(word, 'For editors.'),
} as const

export type WrittenWorkflow = RecordOf<typeof workflowFields>

export const workflow: Shape<WrittenWorkflow> = record(workflowFields, {
  noun: 'a workflow',
  partial: true,
  synonyms: {
    jobs: 'stages',
    steps: 'stages',
    tasks: 'stages',
    version: 'apiVersion',
    metadata: 'name, at the top,',
    params: 'inputs',
    parameters: 'inputs',
    variables: 'env',
    environment: 'env',
    on: 'a trigger, outside the workflow,',
    onerror: 'onFailure',
    always: 'finally',
    onexit: 'finally',
  },
})
