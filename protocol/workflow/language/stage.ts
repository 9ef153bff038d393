/**
 * A stage as it is written: all keys that it may have. What they mean together is for
 * `stage-model.ts` to say, and whether they go together for `check/`.
 */
import { bool } from '../expressions/types.ts'
import { workflowLimits as limits } from '../limits.ts'
import { type SecretUse, secretForms, shells } from '../model.ts'
import { form, forms, list, mapOf } from '../shape/collections.ts'
import { optional, type RecordOf, record, required } from '../shape/record.ts'
import { choice, duration, integer, text, toggle } from '../shape/scalars.ts'
import { type JsonSchema, named, type Shape } from '../shape/shape.ts'
import { expression, jsonTemplate, template } from '../shape/templates.ts'
import { approve, awaited, choose, signal, subflow, wait } from './coordination.ts'
import { forEach } from './for-each.ts'
import { placement, resources } from './placement.ts'
import { concurrency, retry, timeouts } from './policies.ts'
import { container, functionCall, http, namedStep, run } from './steps.ts'
import {
  description,
  env,
  labels,
  nameKeys,
  secretName,
  stageName,
  stageNames,
  variableKeys,
} from './words.ts'

const secretRecord = record(
  {
    name: required(secretName, 'As `skein secret ls` shows it.'),
    as: optional(
      choice('a way to give a secret', secretForms),
      'variable if not said; of a file the variable holds the path.',
    ),
  },
  { noun: 'a secret', synonyms: { secret: 'name', from: 'name', form: 'as', kind: 'as' } },
)

const secretUse: Shape<SecretUse> = forms<SecretUse>({
  noun: 'the name of a secret',
  scalar: form(secretName, asVariable),
  map: form(secretRecord, ({ name, as = 'variable' }) => ({ name, as })),
  write: ({ name, as }) => (as === 'variable' ? name : secretRecord.write({ name, as })),
})

function asVariable(name: string): SecretUse {
  return { name, as: 'variable' }
}

const secretMap = mapOf(secretUse, {
  noun: 'secrets by variable',
  max: limits.envMax,
  keys: variableKeys,
})
const secretList = list(
  text({
    noun: 'the name of a secret that is also a variable',
    lengthMax: 128,
    pattern: {
      regex: variableKeys.regex,
      says: 'a name that is no variable is written with one: VARIABLE: name',
    },
  }),
  { noun: 'secrets', max: limits.envMax, distinct: true },
)

/** By variable. In a list, one word is the variable and the name of the secret. */
export const secrets: Shape<Readonly<Record<string, SecretUse>>> = forms<
  Readonly<Record<string, SecretUse>>
>({
  noun: 'a list of secrets, or variables and the secrets in them',
  list: form(secretList, (names) =>
    Object.fromEntries(names.map((name) => [name, asVariable(name)])),
  ),
  map: form(secretMap, (map) => map),
  write: (map) => secretMap.write(map),
})

export const priority = integer('priority', { max: limits.priorityMax })
export const directory = template('a directory', { empty: false })
export const shell = choice('a shell', shells)
export const onLost = choice('what to do', ['retry', 'fail'])

/** Kinds that do the stage's work: one of them, or `approve` or `signal` alone. */
export const workKinds = [
  'run',
  'http',
  'function',
  'container',
  'wait',
  'choose',
  'workflow',
  'await',
  'runbook',
  'framework',
  'gate',
] as const

const stageFields = {
  description: optional(description, 'What it is for.'),
  labels: optional(labels, 'To find it by.'),
  needs: optional(stageNames, 'Stages that must be done before.'),
  if: optional(expression('a condition', bool), 'Otherwise it is skipped.'),
  run: optional(run, 'A script for a shell, or a list of a program and its arguments.'),
  http: optional(http, 'A request.'),
  function: optional(functionCall, 'A function of a JavaScript module.'),
  container: optional(container, 'A container, by podman or docker.'),
  wait: optional(wait, 'For a time, or up to one.'),
  choose: optional(choose, 'Which stages run next.'),
  workflow: optional(subflow, 'Another workflow, with the inputs under `with`.'),
  approve: optional(approve, 'People who must agree first; alone or before another kind of step.'),
  await: optional(awaited, 'An event that somebody sends.'),
  signal: optional(
    signal,
    'An event that is sent on success; alone or after another kind of step.',
  ),
  runbook: optional(namedStep('the name of a runbook'), 'A runbook, with the values under `with`.'),
  framework: optional(namedStep('the name of a test framework'), 'A test framework, with `with`.'),
  gate: optional(namedStep('the name of a gate'), 'A gate, with `with`.'),
  with: optional(
    mapOf(jsonTemplate('a value'), {
      noun: 'values by name',
      max: limits.inputsMax,
      keys: nameKeys,
    }),
    'What the function, workflow, runbook, framework or gate is given.',
  ),
  shell: optional(shell, 'Of the script; sh if not said.'),
  directory: optional(directory, 'Where it runs, from the working directory of the run.'),
  env: optional(env, 'Variables of its environment.'),
  secrets: optional(
    secrets,
    'Secrets by name: variables of its environment, or of paths of files (as: file).',
  ),
  artifacts: optional(
    list(
      text({ noun: 'a pattern of files', lengthMin: 1, lengthMax: limits.artifactGlobLengthMax }),
      {
        noun: 'patterns of files',
        max: limits.globsMax,
        oneIsEnough: true,
        distinct: true,
      },
    ),
    'Files that it hands on: dist/**.',
  ),
  artifactsFrom: optional(stageNames, 'Stages whose files it is given.'),
  forEach: optional(forEach, 'One for each element of a list.'),
  retry: optional(retry, 'How often it is tried, and when again.'),
  timeout: optional(
    timeouts,
    'How long one attempt may take; or queue, startToClose, total, heartbeat.',
  ),
  where: optional(placement, 'Where it may run.'),
  resources: optional(resources, 'What it takes there.'),
  priority: optional(priority, '0 to 100; that of the workflow if not said.'),
  deadline: optional(duration('a time', 1), 'When it should be done, from the start of the run.'),
  concurrency: optional(concurrency, 'How many of a kind may run at once.'),
  compensate: optional(stageName, 'The stage that undoes this one when the run fails later.'),
  fallback: optional(stageName, 'The stage that runs in its place when it has failed for good.'),
  optional: optional(toggle, 'Whether the run goes on when it fails.'),
  onLost: optional(onLost, 'What happens when its agent is lost: retry (if not said) or fail.'),
  race: optional(
    toggle,
    'Whether a second attempt runs at the same time on another host when the first takes far longer than such work does; the first to succeed counts.',
  ),
  sandbox: optional(toggle, 'Whether it runs in a sandbox (bubblewrap), or not at all.'),
  checkpoint: optional(toggle, 'Whether outputs and artifacts are kept for a retry from here.'),
} as const

export type WrittenStage = RecordOf<typeof stageFields>

export const stageSynonyms: Readonly<Record<string, string>> = {
  dependson: 'needs',
  depends: 'needs',
  after: 'needs',
  requires: 'needs',
  script: 'run',
  command: 'run',
  cmd: 'run',
  exec: 'run',
  shellscript: 'run',
  when: 'if',
  condition: 'if',
  environment: 'env',
  variables: 'env',
  image: 'container',
  docker: 'container',
  sleep: 'wait',
  delay: 'wait',
  branch: 'choose',
  switch: 'choose',
  subflow: 'workflow',
  call: 'workflow',
  uses: 'workflow',
  matrix: 'forEach',
  foreach: 'forEach',
  loop: 'forEach',
  withitems: 'forEach',
  timeoutminutes: 'timeout',
  timeouts: 'timeout',
  retries: 'retry',
  runson: 'where',
  placement: 'where',
  nodeselector: 'where',
  workdir: 'directory',
  workingdirectory: 'directory',
  cwd: 'directory',
  undo: 'compensate',
  rollback: 'compensate',
  speculate: 'race',
  speculative: 'race',
  hedge: 'race',
  continueonerror: 'optional',
  allowfailure: 'optional',
  ignoreerrors: 'optional',
  outputs: 'what the step writes to $SKEIN_OUTPUT',
  inputs: 'with',
  args: 'with',
  params: 'with',
  parameters: 'with',
}

const plainStage = record(stageFields, { noun: 'a stage', synonyms: stageSynonyms })

/** Exactly one kind of work, or none and an approval or a signal. */
const oneStep: JsonSchema = {
  oneOf: [
    ...workKinds.map((kind) => ({ required: [kind] })),
    {
      not: { anyOf: workKinds.map((kind) => ({ required: [kind] })) },
      anyOf: [{ required: ['approve'] }, { required: ['signal'] }],
    },
  ],
}

export const stage: Shape<WrittenStage> = named('Stage', {
  ...plainStage,
  schema: (definitions) => ({ ...plainStage.schema(definitions), ...oneStep }),
})

export const defaults = record(
  {
    retry: optional(retry, 'For stages that do not say.'),
    timeout: optional(timeouts, 'For stages that do not say.'),
    where: optional(placement, 'Added to what stages say.'),
    resources: optional(resources, 'For stages that do not say.'),
    shell: optional(shell, 'For stages that do not say.'),
    directory: optional(directory, 'For stages that do not say.'),
    onLost: optional(onLost, 'For stages that do not say.'),
  },
  {
    noun: 'defaults',
    synonyms: {
      env: 'env, above the stages,',
      environment: 'env, above the stages,',
      ...stageSynonyms,
    },
  },
)

export type WrittenDefaults = typeof defaults extends Shape<infer T> ? T : never
