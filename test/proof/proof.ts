/**
 * What a proof is: something that is done to real kernels many times over, judged each time, and told in figures. In: how
 * often, a seed, where progress goes. Out: figures, and what was wrong, in words; nothing wrong is a proof.
 */

export interface ProofOptions {
  /** How often; each proof says of what. */
  readonly rounds: number
  /** The same seed makes the same choices; what two sides do to one kernel at once is decided by the kernel. */
  readonly seed: string
  progress(line: string): void
}

export interface Figures {
  readonly proof: string
  readonly kernel: 'uml' | 'netns'
  readonly seed: string
  /** In the proof's own words. */
  readonly counts: Readonly<Record<string, number>>
  readonly wrong: readonly string[]
}

export interface Proof {
  readonly name: string
  /** One line for `--help`, and what a round is. */
  readonly says: string
  /** Of the long form. */
  readonly rounds: number
  prove(options: ProofOptions): Promise<Figures>
}
