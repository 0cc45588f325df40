/** What every generated page says of itself. In: the file that it is made from. Out: a line. */
export const generated = (source: string): string =>
  `<!-- Generated from ${source} by "npm run docs": change that, never this page. -->`
