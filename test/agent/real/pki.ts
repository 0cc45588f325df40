/** A CA in the manner of CloudStack's, made anew for each test: certificates by openssl, in a folder. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface Issued {
  /** Files, in PEM. */
  readonly certificate: string
  readonly key: string
}

export interface Pki {
  readonly folder: string
  /** The CA's own certificate, a file. */
  readonly ca: string
  /** @param names of the subject alternative name, such as `IP:127.0.0.1`. @param days less than 0: it ended */
  issue(file: string, commonName: string, names?: readonly string[], days?: number): Issued
}

export function createPki(): Pki {
  const folder = mkdtempSync(join(tmpdir(), 'pki-'))
  const at = (file: string): string => join(folder, file)
  const openssl = (...args: readonly string[]): void => {
    execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' })
  }
  openssl(
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'],
    ...['-subj', '/CN=ca.cloudstack.apache.org', '-keyout', 'ca.key', '-out', 'ca.crt'],
  )
  return {
    folder,
    ca: at('ca.crt'),
    issue: (file, commonName, names = [], days = 1) => {
      openssl(
        ...['req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'],
        ...['-subj', `/CN=${commonName}`, '-keyout', `${file}.key`, '-out', `${file}.csr`],
      )
      writeFileSync(at(`${file}.ext`), names.length === 0 ? '' : `subjectAltName=${names.join(',')}\n`)
      openssl(
        ...['x509', '-req', '-in', `${file}.csr`, '-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial'],
        ...['-days', String(days), '-extfile', `${file}.ext`, '-out', `${file}.crt`],
      )
      return { certificate: at(`${file}.crt`), key: at(`${file}.key`) }
    },
  }
}
