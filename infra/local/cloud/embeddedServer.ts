/** What the embedded parts have in common: an endpoint on 127.0.0.1, and an end. */
import type { Server } from 'node:http'

export interface EmbeddedServer {
  /** `http://127.0.0.1:port` */
  readonly endpoint: string
  /** Ends all connections and releases the port and the files. */
  stop(): Promise<void>
}

/** @throws Error when the server does not listen on a port */
export function endpointOf(server: Server): string {
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the embedded server listens on no port')
  return `http://127.0.0.1:${address.port}`
}
