/**
 * PyPI's cs, somebody else's client of CloudStack, as another process. In: the folder that `npm run parts:cs` makes. Out: its
 * signatures, and what its command line prints.
 */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Availability } from '../../infra/local/bed/bed.ts'

const programs = join(import.meta.dirname, '../../.parts/cs/bin')

export const csAvailable = (): Availability =>
  existsSync(join(programs, 'cs'))
    ? { available: true }
    : {
        available: false,
        missing: 'cs 5.2.0 of PyPI (npm run parts:cs, which needs apt-get install python3 python3-venv)',
      }

interface Ran {
  readonly code: number | null
  readonly output: string
  readonly errors: string
}

function run(program: string, args: readonly string[], input: string, environment: NodeJS.ProcessEnv): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const options = { env: { PATH: process.env.PATH, HOME: programs, LANG: 'C.UTF-8', ...environment } }
    const child = spawn(join(programs, program), args, options)
    const output: string[] = []
    const errors: string[] = []
    child.stdout.setEncoding('utf8').on('data', (text: string) => output.push(text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => errors.push(text))
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, output: output.join(''), errors: errors.join('') }))
    child.stdin.end(input)
  })
}

export type ParameterSet = Readonly<Record<string, string>>

/** Each set is signed as cs signs it, and once more with `~` encoded, which cs leaves bare. */
const signer = `
import json, sys
import cs.client
def signatures(sets, secret):
    client = cs.client.CloudStack("http://127.0.0.1", "key", secret)
    for parameters in sets:
        data = dict(parameters)
        client._sign(data)
        yield data["signature"]
given = json.load(sys.stdin)
own = list(signatures(given["sets"], given["secret"]))
encode = cs.client.cs_encode
cs.client.cs_encode = lambda value: encode(value).replace("~", "%7E")
print(json.dumps({"own": own, "tilde": list(signatures(given["sets"], given["secret"]))}))
`

export interface Signatures {
  readonly own: readonly string[]
  readonly tilde: readonly string[]
}

export async function csSignatures(sets: readonly ParameterSet[], secret: string): Promise<Signatures> {
  const { code, output, errors } = await run('python3', ['-c', signer], JSON.stringify({ sets, secret }), {})
  if (code !== 0) throw new Error(`cs could not sign: ${errors}`)
  return JSON.parse(output)
}

export interface Server {
  readonly url: string
  readonly apiKey: string
  readonly secretKey: string
}

/** `cs …`, with its settings in its environment. */
export const csCommand = ({ url, apiKey, secretKey }: Server, ...args: readonly string[]): Promise<Ran> =>
  run('cs', args, '', {
    CLOUDSTACK_ENDPOINT: url,
    CLOUDSTACK_KEY: apiKey,
    CLOUDSTACK_SECRET: secretKey,
    CLOUDSTACK_POLL_INTERVAL: '0.1',
    NO_PROXY: '*',
  })
