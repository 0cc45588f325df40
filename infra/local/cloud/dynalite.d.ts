/** The part of dynalite that the embedded DynamoDB uses; the package brings no types. */
declare module 'dynalite' {
  import type { Server } from 'node:http'

  interface Options {
    /** Where LevelDB keeps the tables; in memory when left out. */
    readonly path?: string
    /** Milliseconds that a new table stays in CREATING. */
    readonly createTableMs?: number
  }

  export default function dynalite(options?: Options): Server
}
