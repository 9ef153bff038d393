/** All that `skein agent run` needs, and no other command: what is put into one file for it. */
export { run } from './cli/program.ts'
export { runAgent } from './daemon.ts'
