/** Holds a handler where a test wants it. */
export interface Gate {
  /** Resolves once the handler is there. */
  readonly reached: Promise<void>
  /** What the handler waits for. */
  pass (): Promise<void>
  open (): void
}

export function createGate (): Gate {
  let reach!: () => void
  let open!: () => void
  const reached = new Promise<void>(resolve => { reach = resolve })
  const opened = new Promise<void>(resolve => { open = resolve })
  return {
    reached,
    pass () {
      reach()
      return opened
    },
    open
  }
}
