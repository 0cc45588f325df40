/** The pages, and files of other formats, that are generated. In: nothing. Out: where they are, and what they say now. A test compares. */
import { rulesFile } from '../alarms/prometheus.ts'
import { alarmsPage } from './alarmsPage.ts'
import { rightsPage } from './rightsPage.ts'
import { versionsPage } from './versionsPage.ts'

export const pages: Readonly<Record<string, () => string>> = {
  'docs/alarms.md': alarmsPage,
  'docs/rights.md': rightsPage,
  'docs/versions.md': versionsPage,
  'infra/prometheus/rules.yml': rulesFile,
}
