/**
 * What libraries bring along and the functions never use, left out of the bundles as an esbuild plugin: less to load as a function begins. Each
 * is stood for by a few words of code, which say so where they are used after all.
 */
import type { Plugin } from 'esbuild'

interface LeftOut {
  /** The end of the file's path. */
  readonly file: RegExp
  /** CommonJS, or a module where the library's own is one. */
  readonly instead: string
}

const refusing = (what: string): string =>
  `() => { throw new Error(${JSON.stringify(`${what} are left out of the bundles: see infra/aws/leftOut.ts`)}) }`

const leftOut: readonly LeftOut[] = [
  // axios loads it for multipart uploads, and with it comes a list of all MIME types; CloudStack is sent URL-encoded forms.
  {
    file: /\/form-data\/lib\/form_data\.js$/,
    instead: `module.exports = function () { (${refusing('multipart forms')})() }`,
  },
  // axios' ways for browsers: it takes its third, which is Node's own.
  { file: /\/axios\/lib\/adapters\/xhr\.js$/, instead: 'export default false' },
  { file: /\/axios\/lib\/adapters\/fetch\.js$/, instead: 'export const getFetch = () => false' },
  // Lines for developers, if DEBUG asks for them.
  { file: /\/debug\/src\/index\.js$/, instead: 'module.exports = () => () => {}' },
  // ssh2's other halves: a server, files, and making keys.
  { file: /\/ssh2\/lib\/server\.js$/, instead: `module.exports = ${refusing('SSH servers')}` },
  {
    file: /\/ssh2\/lib\/protocol\/SFTP\.js$/,
    instead: `module.exports = { SFTP: function () { (${refusing('files over SSH')})() } }`,
  },
  {
    file: /\/ssh2\/lib\/keygen\.js$/,
    instead: `module.exports = { generateKeyPairSync: ${refusing('new SSH keys')} }`,
  },
  // For keys with a passphrase, for which there is no setting.
  {
    file: /\/bcrypt-pbkdf\/index\.js$/,
    instead: `module.exports = { pbkdf: ${refusing('SSH keys with a passphrase')} }`,
  },
]

/** One that no function loads any more ends the build: the library was changed, and who knows what it loads now. */
export const leavingOut: Plugin = {
  name: 'leaving out',
  setup: (build) => {
    const met = new Set<RegExp>()
    for (const { file, instead } of leftOut)
      build.onLoad({ filter: file }, () => {
        met.add(file)
        return { contents: instead, loader: 'js' }
      })
    build.onEnd(() => ({
      errors: leftOut
        .filter(({ file }) => !met.has(file))
        .map(({ file }) => ({ text: `infra/aws/leftOut.ts: no function loads ${file.source}` })),
    }))
  },
}
