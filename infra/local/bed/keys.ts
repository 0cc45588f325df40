/**
 * The SSH keys of one bed: one to log in with, one for each host, and the files that ssh and sshd read. In: a private
 * directory, names and addresses. Out: the files' paths and each host's public key. A reboot keeps a host's key.
 */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { runCommand } from './command.ts'

export interface Keys {
  readonly privateKeyFile: string
  readonly knownHostsFile: string
  /** Host name → its public key as ssh sends it, base64. */
  readonly hostKeys: ReadonlyMap<string, string>
}

/** Port 22 is meant: `known_hosts` has plain addresses. */
export async function makeKeys(directory: string, addresses: ReadonlyMap<string, string>): Promise<Keys> {
  const folder = join(directory, 'keys')
  await mkdir(folder, { recursive: true })
  const privateKeyFile = join(folder, 'login')
  const login = await makeKey(privateKeyFile)
  await writeFile(join(folder, 'authorized_keys'), `${login}\n`)
  const hosts = await Promise.all(
    [...addresses].map(async ([name, address]) => ({
      name,
      address,
      key: await makeKey(join(folder, `host-${name}`)),
    })),
  )
  const knownHostsFile = join(directory, 'known_hosts')
  await writeFile(knownHostsFile, hosts.map(({ address, key }) => `${address} ${key}\n`).join(''))
  return {
    privateKeyFile,
    knownHostsFile,
    hostKeys: new Map(hosts.map(({ name, key }) => [name, key.split(' ')[1] ?? ''])),
  }
}

/** By ssh-keygen: of the ed25519 keys that ssh2 1.17 makes, one in some 220 cannot be read (counted: 18 of 4,000). */
async function makeKey(file: string): Promise<string> {
  await rm(file, { force: true }) // It would ask whether to overwrite one that a directory holds already.
  await runCommand('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'bed', '-f', file])
  const [type, key] = (await readFile(`${file}.pub`, 'utf8')).split(' ')
  return `${type} ${key}`
}

/** The configuration of the sshd of one host. @param directory the bed's directory as that sshd sees it. */
export function sshdConfiguration(directory: string, name: string): string {
  return `ListenAddress 0.0.0.0
HostKey ${directory}/keys/host-${name}
AuthorizedKeysFile ${directory}/keys/authorized_keys
StrictModes no
PermitRootLogin yes
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
UseDNS no
PrintMotd no
PrintLastLog no
MaxSessions 100
MaxStartups 200
PidFile none
Subsystem sftp internal-sftp
`
}
