/** How processes tell each other of sessions that ended. Messages are opaque, and worth nothing to who reads them. */
export interface Ends {
  /** Tells the others. */
  publish (message: string): void | Promise<void>
  /**
   * @param listener gets what any process tells, this one too
   * @param missed called when messages may have been lost: the connection was, and is there again
   * @returns stops it
   */
  subscribe (listener: (message: string) => void, missed?: () => void): Promise<() => Promise<void>>
}
