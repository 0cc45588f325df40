/** What a command printed, collected up to a bound. In: chunks. Out: their text, and whether all still fitted. */

/** Collects at most so many bytes; `take` says whether all still fitted. */
export function bounded(limit: number): { take: (chunk: Buffer) => boolean; text: () => string } {
  const chunks: Buffer[] = []
  let size = 0
  return {
    take: (chunk) => {
      const room = limit - size
      size += chunk.length
      if (room > 0) chunks.push(chunk.subarray(0, room))
      return size <= limit
    },
    text: () => Buffer.concat(chunks).toString('utf8'),
  }
}
