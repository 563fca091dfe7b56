import type { Undo } from './listen.js'

// Soon enough that nobody can read what comes to light.
const often = 250

/**
 * Adds styles as a constructed style sheet: a strict CSP forbids style elements and attributes, not this. An
 * application that sets its own sheets takes it away without a sound, so it is looked for.
 * @param look looks after whatever belongs to the styles, as often
 */
export function keepStyles (css: string, look: () => void): Undo {
  const sheet = new CSSStyleSheet()
  sheet.replaceSync(css)
  keep()
  const timer = setInterval(keep, often)
  return () => {
    clearInterval(timer)
    document.adoptedStyleSheets = document.adoptedStyleSheets.filter(one => one !== sheet)
  }

  function keep (): void {
    const { adoptedStyleSheets } = document
    if (!adoptedStyleSheets.includes(sheet)) document.adoptedStyleSheets = [...adoptedStyleSheets, sheet]
    look()
  }
}
