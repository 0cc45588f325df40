import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { pages } from '../../infra/docs/pages.ts'

describe('the generated page', () => {
  it.each(Object.entries(pages))('%s is what "npm run docs" writes', (name, page) => {
    expect(readFileSync(new URL(`../../${name}`, import.meta.url), 'utf8')).toBe(page())
  })
})
