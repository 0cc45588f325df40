/**
 * Servers that say back what they were told: a management server before the simulator, and a vCenter that lets nobody past a chosen
 * method. In: what they refuse. Out: their addresses, and every secret that they saw, to search for.
 */
import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { selfSigned } from '../../infra/local/xapiSimulator/certificate.ts'

export interface Echo {
  readonly url: string
  /** What is refused with an echo from now on: a command, a method; everything else is answered. */
  refused: string
  /** How often it was. */
  echoes: number
  /** What no run may tell: signatures, sessions. */
  readonly seen: Set<string>
  stop(): Promise<void>
}

/** @param keys that it says as well, though only one of them is ever sent */
export async function startEchoingCloudStack(behind: string, keys: readonly string[]): Promise<Echo> {
  const seen = new Set<string>()
  const server = createServer((request, response) => {
    void (async () => {
      const body = await bodyOf(request)
      const asked = new URLSearchParams(body)
      const [command, signature] = [asked.get('command') ?? '', asked.get('signature') ?? '']
      if (signature !== '') seen.add(signature)
      if (command === echo.refused) {
        echo.echoes += 1
        const errortext = `no: ${keys.join(' ')} ${keys.map(encodeURIComponent).join(' ')} ${signature} ${body}`
        const text = JSON.stringify({ errorresponse: { errorcode: 432, errortext } })
        response.writeHead(432, { 'Content-Type': 'application/json' }).end(text)
        return
      }
      const headers = { 'Content-Type': request.headers['content-type'] ?? '' }
      const answer = await fetch(behind, { method: 'POST', headers, body })
      response.writeHead(answer.status, { 'Content-Type': 'application/json' }).end(await answer.text())
    })().catch(() => response.destroy())
  })
  const port = await listening(server)
  const echo: Echo = {
    ...{ url: `http://127.0.0.1:${port}/client/api`, refused: '', echoes: 0, seen },
    stop: () => stopped(server),
  }
  return echo
}

export interface EchoingVcenter extends Echo {
  readonly fingerprint: string
}

/** Its session is one from the first answer on, as behind a load balancer: `Login` may already say it back. */
export async function startEchoingVcenter(password: string): Promise<EchoingVcenter> {
  const seen = new Set<string>()
  const { key, certificate, fingerprint } = selfSigned('echoing vCenter')
  const server = createTlsServer({ key, cert: certificate }, (request, response) => {
    void (async () => {
      const body = await bodyOf(request)
      const method = /<soap:Body><(\w+)/.exec(body)?.[1] ?? ''
      const session = /vmware_soap_session=([\w-]+)/.exec(request.headers.cookie ?? '')?.[1] ?? randomUUID()
      seen.add(session)
      const headers = { 'Content-Type': 'text/xml', 'Set-Cookie': `vmware_soap_session=${session}; Path=/; HttpOnly` }
      const isRefused = method === echo.refused
      if (isRefused) echo.echoes += 1
      response.writeHead(isRefused ? 500 : 200, headers)
      response.end(envelope(isRefused ? fault(session, body, password) : answerTo(method)))
    })().catch(() => response.destroy())
  })
  const port = await listening(server)
  const echo: EchoingVcenter = {
    ...{ url: `https://127.0.0.1:${port}/sdk`, refused: 'Login', echoes: 0, seen, fingerprint },
    stop: () => stopped(server),
  }
  return echo
}

/** What we said, as it is and as text of an address; what it said itself. */
function fault(session: string, body: string, password: string): string {
  const words = ['no:', password, encodeURIComponent(password), session, body].map(escaped).join(' ')
  const type = 'xsi:type="InvalidLogin"'
  return `<soap:Fault><faultcode>f</faultcode><faultstring>${words}</faultstring><detail><InvalidLoginFault ${type}/></detail></soap:Fault>`
}

function answerTo(method: string): string {
  const references = ['propertyCollector', 'sessionManager', 'customFieldsManager', 'searchIndex']
  const service = references.map((name) => `<${name} type="${name}">${name}</${name}>`).join('')
  return `<${method}Response><returnval>${method === 'RetrieveServiceContent' ? service : ''}</returnval></${method}Response>`
}

const envelope = (content: string): string =>
  '<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">' +
  `<soap:Body>${content}</soap:Body></soap:Envelope>`

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(Buffer.from(chunk))
  return Buffer.concat(chunks).toString('utf8')
}

function listening(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      resolve(typeof address === 'object' ? (address?.port ?? 0) : 0)
    })
  })
}

async function stopped(server: Server): Promise<void> {
  server.closeAllConnections()
  await new Promise<void>((resolve) => server.close(() => resolve()))
}
