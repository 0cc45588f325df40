/** What is put on a host: one file or one executable, a unit that systemd itself accepts and starts in time, an installer. */
import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildAgent, buildExecutable } from '../../../infra/agent/build.ts'

const run = promisify(execFile)
const folder = mkdtempSync(join(tmpdir(), 'agent-install-'))
const built = join(folder, 'dist')
let file: string
beforeAll(async () => {
  file = await buildAgent(built)
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const { version }: { version: string } = JSON.parse(readFileSync('package.json', 'utf8'))
const failing = (work: Promise<unknown>): Promise<{ code?: number; stderr?: string }> =>
  work.then(
    () => ({}),
    (error: { code?: number; stderr?: string }) => error,
  )

describe('the agent as one file', () => {
  it('is small, and knows its release', async () => {
    expect(statSync(file).size).toBeLessThan(400_000)
    expect((await run(process.execPath, [file, 'version'])).stdout).toBe(`${version}\n`)
  })

  it.each([
    ['no command', [], /usage: bridgekeeper-agent serve\|restore\|once\|version/],
    ['a command that does not exist', ['start'], /"start" is no command/],
  ])('ends with 78 and one line for %s', async (_says, args, words) => {
    const { code, stderr = '' } = await failing(run(process.execPath, [file, ...args]))
    expect(code).toBe(78)
    expect(stderr.trim().split('\n')).toHaveLength(1)
    expect(stderr).toMatch(words)
  })

  it.each([
    ['{ "admitt": ["x"] }', /admitt is no setting; there are admit, listen, port/],
    ['{ "port": 70000 }', /port 70000: .*65535/],
    ['{ "admit": "x" }', /admit "x": .*array/],
    ['{', /is not JSON/],
    ['{}', /"admit" names nobody/],
  ])('refuses the configuration %s with the key, the value and the fix', async (text, words) => {
    const config = join(folder, 'agent.json')
    writeFileSync(config, text)
    const { code, stderr } = await failing(run(process.execPath, [file, 'serve', '--config', config]))
    expect(stderr).toMatch(words)
    expect(code).toBe(78)
  })
})

it('as one executable it brings its Node along', async () => {
  const executable = await buildExecutable(join(folder, 'executable'))
  expect((await run(executable, ['version'], { env: { PATH: '' } })).stdout).toBe(`${version}\n`)
})

describe('the unit', () => {
  const unit = 'bridgekeeper-agent.service'
  const root = join(folder, 'units')

  /** As installed, beside a stand-in for CloudStack's own unit. */
  async function analyze(args: readonly string[], cloudStack = 'After=network.target'): Promise<string> {
    await run('sh', [join(built, 'install.sh'), '--admit', 'x', '--root', root])
    const units = join(root, 'etc/systemd/system')
    writeFileSync(
      join(units, 'cloudstack-agent.service'),
      `[Unit]\nDescription=A stand-in\n${cloudStack}\n[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n`,
    )
    const text = readFileSync(join(units, unit), 'utf8')
    // systemd asks whether the program is there: here it is in the tree.
    writeFileSync(join(units, unit), text.replaceAll('/usr/sbin/', `${root}/usr/sbin/`))
    const { stdout, stderr } = await run('systemd-analyze', [...args], {
      env: { ...process.env, SYSTEMD_UNIT_PATH: `${units}:` },
    })
    return `${stdout}${stderr}`
  }

  it('is accepted by systemd without a word, CloudStack’s beside it', async () => {
    const said = await analyze(['verify', '--man=no', join(root, 'etc/systemd/system', unit)])
    expect(said.split('\n').filter((line) => line.includes('bridgekeeper'))).toEqual([])
  })

  it('stands before CloudStack’s agent in systemd’s own order: another one that wanted to be first would be a cycle', async () => {
    const wishes = 'Requires=bridgekeeper-agent.service\nBefore=bridgekeeper-agent.service'
    const { stderr: said } = await failing(
      analyze(['verify', '--man=no', join(root, 'etc/systemd/system/cloudstack-agent.service')], wishes),
    )
    expect(said).toMatch(/ordering cycle on (bridgekeeper|cloudstack)-agent.service/)
  })

  it('is started before CloudStack’s agent, and only once the restoring has ended', () => {
    const lines = readFileSync(join(built, unit), 'utf8').split('\n')
    expect(lines).toContain('Before=cloudstack-agent.service')
    expect(lines).toContain('ExecStartPre=-/usr/sbin/bridgekeeper-agent restore')
    expect(lines).toContain('Type=simple')
  })

  it('has few rights: systemd rates its exposure below 3.5 of 10', async () => {
    const said = await analyze(['security', '--offline=true', '--threshold=35', join(root, 'etc/systemd/system', unit)])
    expect(said).toMatch(/Overall exposure level for bridgekeeper-agent.service: [0-3]\.\d OK/)
  })
})

describe('the installer', () => {
  const root = join(folder, 'root')
  const install = (...args: readonly string[]) => run('sh', [join(built, 'install.sh'), '--root', root, ...args])
  const at = (path: string): string => join(root, path)
  const key = join(folder, 'id.pub')
  writeFileSync(key, 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHUo somebody\n')

  it('puts the agent, its unit and its configuration in their places', async () => {
    expect((await install('--admit', 'bridgekeeper.example.org')).stdout).toContain(`Installed: ${version}`)
    expect(JSON.parse(readFileSync(at('etc/bridgekeeper/agent.json'), 'utf8'))).toEqual({
      admit: ['bridgekeeper.example.org'],
    })
    expect(existsSync(at('etc/systemd/system/bridgekeeper-agent.service'))).toBe(true)
    expect(statSync(at('usr/sbin/bridgekeeper-agent')).mode & 0o777).toBe(0o755)
  })

  it('run again is an update, and leaves a configuration as it is', async () => {
    writeFileSync(at('etc/bridgekeeper/agent.json'), '{ "admit": ["mine"], "pollSeconds": 5 }')
    await install('--admit', 'other')
    expect(readFileSync(at('etc/bridgekeeper/agent.json'), 'utf8')).toContain('"pollSeconds": 5')
  })

  it('makes an account that may do nothing but ask the agent', async () => {
    await install('--once-only', '--user', 'keeper', '--key', key)
    expect(readFileSync(at('home/keeper/.ssh/authorized_keys'), 'utf8')).toBe(
      `restrict,command="sudo -n /usr/sbin/bridgekeeper-agent once" ${readFileSync(key, 'utf8')}`,
    )
    expect(readFileSync(at('etc/sudoers.d/bridgekeeper'), 'utf8')).toBe(
      'keeper ALL=(root) NOPASSWD: /usr/sbin/bridgekeeper-agent once\n',
    )
  })

  it.each([
    ['a name with a quote in it', ['--admit', 'a","b'], /--admit a","b: letters/],
    ['a user that would be a rule of its own', ['--once-only', '--user', 'ALL ALL=(ALL)', '--key', key], /go together/],
    [
      'a key with options',
      ['--once-only', '--user', 'keeper', '--key', join(folder, 'options.pub')],
      /not one public key/,
    ],
    ['nobody to admit', [], /--admit NAME is missing/],
    ['a word that it does not know', ['--admitt', 'x'], /--admitt is not understood/],
  ])('refuses %s', async (_says, args, words) => {
    writeFileSync(join(folder, 'options.pub'), 'command="sh" ssh-ed25519 AAAA somebody\n')
    const other = join(folder, 'refused')
    const { code, stderr } = await failing(run('sh', [join(built, 'install.sh'), '--root', other, ...args]))
    expect(code).toBe(1)
    expect(stderr).toMatch(words)
    expect(existsSync(join(other, 'usr'))).toBe(false)
  })

  it('takes away what it put there, and neither devices nor what the agent knows', async () => {
    const { stdout } = await install('--uninstall')
    expect(stdout).toContain('Devices are as they were')
    expect(existsSync(at('usr/sbin/bridgekeeper-agent'))).toBe(false)
    expect(existsSync(at('etc/sudoers.d/bridgekeeper'))).toBe(false)
    expect(existsSync(at('etc/bridgekeeper/agent.json'))).toBe(true)
  })
})
