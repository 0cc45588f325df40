/**
 * DynamoDB in this process: dynalite on a free port of 127.0.0.1. In: where its LevelDB lives (in memory when left
 * out), and the key that it serves. Out: its endpoint, and a way to stop it.
 */
import { once } from 'node:events'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import dynalite from 'dynalite'
import { type AccessKey, admitted } from './accessKey.ts'
import { type EmbeddedServer, endpointOf } from './embeddedServer.ts'

export async function startDynamoDb(key: AccessKey, path: string | undefined): Promise<EmbeddedServer> {
  const server = dynalite({ createTableMs: 0, ...(path === undefined ? {} : { path }) })
  guard(server, key)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { endpoint: endpointOf(server), stop: () => stop(server) }
}

/** Puts the key check before dynalite, and takes the crash out that it makes of a client which goes away. */
function guard(server: Server, key: AccessKey): void {
  const listeners = server.listeners('request')
  server.removeAllListeners('request')
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    if (!admitted(request.headers, key)) {
      response.writeHead(403, { connection: 'close' }).end()
      return
    }
    for (const listener of listeners) listener.call(server, request, response)
    // dynalite throws a request's error out of an event: a client killed while it sends would end this process.
    request.removeAllListeners('error').on('error', () => response.destroy())
  })
}

function stop(server: Server): Promise<void> {
  return new Promise((resolve, reject) => {
    server.close((error) => (error ? reject(error) : resolve()))
    server.closeAllConnections()
  })
}
