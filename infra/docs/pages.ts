/** The pages of docs/ that are generated. In: nothing. Out: their names and what they say now. A test compares. */
import { rightsPage } from './rightsPage.ts'
import { versionsPage } from './versionsPage.ts'

export const pages: Readonly<Record<string, () => string>> = {
  'rights.md': rightsPage,
  'versions.md': versionsPage,
}
