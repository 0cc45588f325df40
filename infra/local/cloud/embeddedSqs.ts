/**
 * SQS in this process: fauxqs on a free port of 127.0.0.1 (its own start function would listen on every interface). In:
 * the key that it serves. Out: its endpoint, and a way to stop it. Messages live in memory only: nothing that matters
 * lives only in a message, and the first snapshot after a start sends again what is due.
 */
import { buildApp } from 'fauxqs'
import { type AccessKey, admitted } from './accessKey.ts'
import { type EmbeddedServer, endpointOf } from './embeddedServer.ts'

export async function startSqs(key: AccessKey, region: string): Promise<EmbeddedServer> {
  const app = buildApp({ logger: false, defaultRegion: region })
  app.addHook('onRequest', async (request, reply) => {
    if (!admitted(request.headers, key)) await reply.code(403).send()
  })
  await app.listen({ port: 0, host: '127.0.0.1' })
  return { endpoint: endpointOf(app.server), stop: () => app.close() }
}
