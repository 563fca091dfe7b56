import type { Undo } from '../listen.js'
import { addStyles } from '../style-sheet.js'
import css from './cover.css'

/** Hides the page. It needs nothing that would have to be loaded first: at the end the network may be gone. */
export interface Cover {
  readonly isOn: boolean
  set (on: boolean): void
}

export function createCover (): Cover {
  let uncover: Undo | null = null
  return {
    get isOn () { return uncover !== null },
    set (on) {
      if (on) uncover ??= addStyles(css)
      else {
        uncover?.()
        uncover = null
      }
    }
  }
}
