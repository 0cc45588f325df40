/** `npm run docs`: writes the generated pages of docs/. */
import { writeFileSync } from 'node:fs'
import { pages } from './pages.ts'

for (const [name, page] of Object.entries(pages)) {
  writeFileSync(new URL(`../../docs/${name}`, import.meta.url), page())
}
