/** The grammar of the simulator. */
import type { Parts } from './grammar.ts'
import { wholeNumber } from './usage.ts'

export function addSimCommands({ program, programs, done, context }: Parts): void {
  const sim = program
    .command('sim')
    .description('the same agents under virtual time, a hostile network and dying disks')
    .helpCommand(false)
  const asked = (options: object) => ({ ...options, json: context().json })
  const sized = (name: string, description: string) =>
    sim
      .command(name)
      .description(description)
      .option('--nodes <count>', 'agents in the mesh, 3 to 15', wholeNumber('--nodes', 3, 15), '5')
      .option(
        '--minutes <count>',
        'virtual minutes (default: 10, with --work 2)',
        wholeNumber('--minutes', 2),
      )
      .option('--work', 'people start workflows, instead of clients that put and get', false)
  sized('run', 'one history, told as it happens')
    .option('--seed <number>', 'one seed, one history (default: a new one)', wholeNumber('--seed'))
    .action(async (options) => done(await programs.simRun(asked(options))))
  sized('soak', 'many histories on all cores, until one fails')
    .option('--seeds <count>', 'how many', wholeNumber('--seeds'), '1000')
    .option('--from <number>', 'the first seed (default: a new one)', wholeNumber('--from'))
    .action(async (options) => done(await programs.simSoak(asked(options))))
  sized('replay <seed>', 'one history again, in full; if it fails, also made as small as it can be')
    .option('--everything', 'every event, not only faults, roles and logs', false)
    .action(async (seed, options) => done(await programs.simReplay(asked({ ...options, seed }))))
  sized('canary', 'a mesh on disks that lie, or of agents that forget: whether the checks notice')
    .option('--seeds <count>', 'how many, at most', wholeNumber('--seeds'), '50')
    .option('--from <number>', 'the first seed (default: a new one)', wholeNumber('--from'))
    .action(async (options) => done(await programs.simCanary(asked(options))))
  sim
    .command('estop')
    .description('how soon an emergency stop has stopped all, in meshes of up to a thousand hosts')
    .option('--seeds <count>', 'histories of each kind', wholeNumber('--seeds', 1), '3')
    .option('--hosts <count>', 'in one size only', wholeNumber('--hosts', 4, 4_000))
    .action(async (options) => done(await programs.simEstop(asked(options))))
  sim
    .command('mutants')
    .description('puts in each known defect of consensus, one at a time, and shows who notices')
    .option('--only <list>', 'numbers of defects or names of mutants, with commas between')
    .option('--seeds <count>', 'how many, at most, for each', wholeNumber('--seeds'), '200')
    .action(async (options) => done(await programs.simMutants(asked(options))))
}
