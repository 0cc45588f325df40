/** The register's address on one machine. In: a register, where to listen. Out: a server that answers GET /metrics, and nothing else. */
import { createServer } from 'node:http'
import { ConfigurationError } from '../../shared/runtime/configuration.ts'
import type { Register } from './metricsRegister.ts'

export interface MetricsServer {
  readonly url: string
  stop(): Promise<void>
}

/** @throws ConfigurationError where nobody can listen there */
export async function startMetricsServer(
  register: Pick<Register, 'text' | 'contentType'>,
  { address, port }: { readonly address: string; readonly port: number },
): Promise<MetricsServer> {
  const server = createServer({ headersTimeout: 5000, requestTimeout: 5000 }, (request, response) => {
    const isAsked = request.url === '/metrics' && (request.method === 'GET' || request.method === 'HEAD')
    request.resume()
    if (!isAsked) return void response.writeHead(404, { 'content-type': 'text/plain' }).end('GET /metrics\n')
    register.text().then(
      (text) => response.writeHead(200, { 'content-type': register.contentType }).end(text),
      () => response.writeHead(500, { 'content-type': 'text/plain' }).end('the metrics could not be written\n'),
    )
  })
  server.maxConnections = 16
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, address, resolve)).catch(
    (error: unknown) => {
      const why = error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
      throw new ConfigurationError(
        `BRIDGEKEEPER_METRICS_LISTEN=${address}:${port} cannot be listened on (${why}): choose another address or port.`,
      )
    },
  )
  const bound = server.address()
  const at = typeof bound === 'object' && bound !== null ? bound.port : port
  return {
    url: `http://${address.includes(':') ? `[${address}]` : address}:${at}/metrics`,
    stop: async () => {
      server.closeAllConnections()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}
