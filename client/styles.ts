import css from './style.css'

/**
 * Adds the styles as a constructed style sheet: a strict CSP forbids style elements and attributes, not this.
 * @returns the undo
 */
export function addStyles (): () => void {
  const sheet = new CSSStyleSheet()
  sheet.replaceSync(css)
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet]
  return () => { document.adoptedStyleSheets = document.adoptedStyleSheets.filter(one => one !== sheet) }
}
