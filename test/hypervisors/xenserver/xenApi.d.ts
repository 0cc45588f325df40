/** The part of npm's xen-api that the simulator's test uses; the package brings no types. */
declare module 'xen-api' {
  interface Options {
    readonly url: string
    readonly auth: { readonly user: string; readonly password: string }
    readonly allowUnauthorized: boolean
    readonly watchEvents: boolean
    readonly transport: string
  }

  export class Xapi {
    constructor(options: Options)
    readonly pool: { readonly name_label: string }
    connect(): Promise<void>
    disconnect(): Promise<void>
    call<T = unknown>(method: string, ...parameters: readonly unknown[]): Promise<T>
  }
}
