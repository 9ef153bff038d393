/** The grammar of people: who they are to a mesh, and their own profiles. */
import { Option } from 'commander'
import type { Parts } from './grammar.ts'
import type { ProfileFlags } from './profile-commands.ts'
import type { AddFlags } from './users.ts'

export function addPeopleCommands({ program, done, context }: Parts): void {
  const users = program
    .command('users')
    .description('people, their roles and certificates')
    .helpCommand(false)
  const issuer = '--issuer <file>'
  const issuerHelp =
    'what certifies them (default: issuer.key, for masters root.key, beside your key)'
  const opensIssuer = '--issuer-passphrase-file <file>'
  const opensIssuerHelp = 'holds the passphrase of what certifies them'
  const locks = new Option(
    '--new-passphrase-file <file>',
    'holds a passphrase for the new key (default: asked for on a terminal, else none)',
  ).conflicts('publicKey')
  const publicKey = '--public-key <file|key>'
  const publicKeyHelp = 'a key of their own in their ssh-agent (ssh-ed25519), instead of a new one'
  users
    .command('ls')
    .description('whom the ledger knows')
    .action(async () => done(await (await import('./users.ts')).list(context())))
  users
    .command('add <name>')
    .description('make a key for somebody, certify it and record it')
    .requiredOption('--role <role...>', 'viewer, operator, approver, admin or master')
    .option(issuer, issuerHelp)
    .option(opensIssuer, opensIssuerHelp)
    .addOption(locks)
    .option(publicKey, publicKeyHelp)
    .option('--out <file>', 'the key file to write (default: NAME.key)')
    .action(async (name: string, options: AddFlags) =>
      done(await (await import('./users.ts')).add(context(), name, options)),
    )
  users
    .command('rotate <name>')
    .description('give somebody a new key, and take back the one of now')
    .option(issuer, issuerHelp)
    .option(opensIssuer, opensIssuerHelp)
    .addOption(locks)
    .option(publicKey, publicKeyHelp)
    .option('--out <file>', 'the key file to write (default: NAME.key)')
    .action(async (name: string, options: Omit<AddFlags, 'role'>) =>
      done(await (await import('./users.ts')).rotate(context(), name, options)),
    )
  users
    .command('revoke <user>')
    .description('take a certificate back, by name or by its serial')
    .option('--reason <text>', 'for those who look later', '')
    .action(async (user: string, { reason }: { reason: string }) =>
      done(await (await import('./users.ts')).revoke(context(), user, reason)),
    )
  users
    .command('can <user> <verb> [object]')
    .description('whether somebody may, and why not; exit 4 if not')
    .action(async (user: string, verb: string, object?: string) =>
      done(await (await import('./users.ts')).can(context(), user, verb, object)),
    )
  addProfileCommands({ program, done, context })
}

function addProfileCommands({ program, done, context }: Omit<Parts, 'programs'>): void {
  const profile = program
    .command('profile')
    .description('your meshes: where each is, and who you are there')
    .helpCommand(false)
  profile
    .command('ls')
    .description('all of them; * is in use')
    .action(async () => done((await import('./profile-commands.ts')).list(context())))
  profile
    .command('add <name>')
    .description('keep a key of yours, and where its mesh is asked')
    .requiredOption('--from <file>', 'the key that you were given')
    .option('--at <address>', 'an agent of the mesh')
    .option('--swarm-key <file>', 'lets skein estop in to peers when no agent answers')
    .action(async (name: string, options: ProfileFlags) =>
      done(await (await import('./profile-commands.ts')).add(context(), name, options)),
    )
  profile
    .command('use <name>')
    .description('the one that commands mean from now on; local is the mesh on this machine')
    .action(async (name: string) =>
      done(await (await import('./profile-commands.ts')).use(context(), name)),
    )
  profile
    .command('rm <name>')
    .description('delete one with its key')
    .action(async (name: string) =>
      done(await (await import('./profile-commands.ts')).remove(context(), name)),
    )
}
