import type { Undo } from './listen.js'

/** Adds styles as a constructed style sheet: a strict CSP forbids style elements and attributes, not this. */
export function addStyles (css: string): Undo {
  const sheet = new CSSStyleSheet()
  sheet.replaceSync(css)
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet]
  return () => { document.adoptedStyleSheets = document.adoptedStyleSheets.filter(one => one !== sheet) }
}
