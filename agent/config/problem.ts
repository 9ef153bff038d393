/** One mistake in a configuration: where it is, why it is one, and what to write instead. */
export interface ConfigProblem {
  /** `agent.yaml:3:5`, `$SKEIN_NODE_NAME` or `--node-name`. */
  where: string
  why: string
  fix: string
}
