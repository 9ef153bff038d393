// Imports point one way (DESIGN "The house"): protocol ← models, runbooks ← agent ← coordinator,
// simulations above all, and nobody imports simulations or test.
const only = (folder, allowed) => ({
  name: `${folder}-imports-only-what-it-may`,
  comment: `${folder}/ may import ${allowed.length > 0 ? allowed.join(', ') : 'nothing of ours'}`,
  severity: 'error',
  from: { path: `^${folder}/` },
  to: {
    path: '^(protocol|models|runbooks|agent|coordinator|simulations|test)/',
    pathNot: `^(${[folder, ...allowed].join('|')})/`,
  },
})

module.exports = {
  forbidden: [
    only('protocol', []),
    only('models', ['protocol']),
    only('runbooks', ['protocol']),
    only('agent', ['protocol', 'models', 'runbooks']),
    only('coordinator', ['protocol', 'models', 'runbooks', 'agent']),
    only('simulations', ['protocol', 'models', 'runbooks', 'agent', 'coordinator']),
    {
      name: 'no-circles',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'libp2p-in-one-folder',
      comment: 'libp2p is touched in agent/network only',
      severity: 'error',
      from: {
        path: '^(protocol|models|runbooks|agent|coordinator|simulations)/',
        pathNot: '^agent/network/',
      },
      to: { path: '(^|node_modules/)(libp2p|@libp2p|@chainsafe|@multiformats)(/|$)' },
    },
    {
      name: 'models-run-in-a-process-of-their-own',
      comment: 'onnxruntime is loaded by that process, and by the benchmark that compares with it',
      severity: 'error',
      from: {
        pathNot: '^(agent/ports/inference/program|simulations/bench/inference-present)[.]ts$',
      },
      to: { path: '(^|node_modules/)onnxruntime' },
    },
    {
      name: 'a-program-is-started-and-not-imported',
      comment: 'whoever imports it becomes it',
      severity: 'error',
      from: {},
      to: { path: '^agent/ports/inference/program[.]ts$' },
    },
    {
      name: 'resolvable',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    parser: 'swc',
    doNotFollow: { path: 'node_modules' },
    // What lies in node_modules is seen, or rules about it could not fail; it is not followed.
    exclude: { path: '^dist' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default'],
      extensions: ['.ts', '.js', '.mjs', '.cjs', '.json'],
    },
  },
}
