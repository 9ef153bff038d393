/** The grammar of the keys that the mesh rests on. */
import type { Parts } from './grammar.ts'
import type { RotateFlags } from './keys-rotate-issuing.ts'
import type { RotateSecretsFlags } from './keys-rotate-secrets.ts'
import type { RotateSwarmFlags } from './keys-rotate-swarm.ts'
import { wholeNumber } from './usage.ts'

export function addKeyCommands({ program, done, context }: Parts): void {
  const keys = program
    .command('keys')
    .description('the keys that the mesh rests on')
    .helpCommand(false)
  keys
    .command('ls')
    .description('root, issuing keys, swarm key and key of secrets, and who hangs on which')
    .action(async () => done(await (await import('./keys-of-mesh.ts')).list(context())))
  const rotate = keys
    .command('rotate')
    .description('put another key in the place of one, while the mesh works')
    .helpCommand(false)
  rotate
    .command('issuing')
    .description('another key that makes certificates; the one before goes when nobody hangs on it')
    .option('--root-key <file>', 'the root key of the mesh (default: root.key beside your key)')
    .option('--root-passphrase-file <file>', 'holds the passphrase of the root key')
    .option('--out <file>', 'where the new key goes (default: issuer.key beside the root key)')
    .option('--no-wait', 'do not follow how hosts are certified anew')
    .option(
      '--timeout <seconds>',
      'how long they are waited for; it goes on by itself',
      wholeNumber('--timeout', 0),
      '600',
    )
    .option('--finish', 'make no new key: take back the one before')
    .option('--force', 'with --finish: also where hosts or people hang on it, who are turned away')
    .action(async (options: RotateFlags) =>
      done(await (await import('./keys-rotate-issuing.ts')).rotateIssuing(context(), options)),
    )
  rotate
    .command('swarm')
    .description(
      'another key that lets hosts connect; the one before goes when all have the new one',
    )
    .option('--finish', 'drop the old one, without waiting for hosts that have not the new one')
    .option(
      '--timeout <seconds>',
      'how long it is followed; it goes on by itself',
      wholeNumber('--timeout', 0),
      '120',
    )
    .action(async (options: RotateSwarmFlags) =>
      done(await (await import('./keys-rotate-swarm.ts')).rotateSwarm(context(), options)),
    )
  rotate
    .command('secrets')
    .description(
      'another key under which secrets are sealed; made by itself when a host that had it is revoked',
    )
    .option(
      '--timeout <seconds>',
      'how long it is followed; it goes on by itself',
      wholeNumber('--timeout', 0),
      '120',
    )
    .action(async (options: RotateSecretsFlags) =>
      done(await (await import('./keys-rotate-secrets.ts')).rotateSecrets(context(), options)),
    )
  keys
    .command('copy')
    .description('have a key that hosts share in a file')
    .helpCommand(false)
    .command('swarm')
    .description('the swarm key, which lets skein estop in to peers when no agent answers')
    .option('--out <file>', 'the file to write (default: swarm.key beside your key)')
    .action(async (options: { out?: string }) =>
      done(await (await import('./keys-copy-swarm.ts')).copySwarm(context(), options)),
    )
}
