/*
 * Real input in the form of W3C WebDriver, which WebDriver BiDi shares: the browser makes trusted events of it.
 */

// The keys that have no character of their own.
const named: Record<string, string> = { Enter: '\uE007', Escape: '\uE00C', Tab: '\uE004', Space: ' ' }

/** @param keys characters, or Enter, Escape, Tab or Space, pressed one after the other without a pause */
export function pressOf (keys: string[]): unknown[] {
  const values = keys.map(key => named[key] ?? key)
  return [{ type: 'key', id: 'keyboard', actions: values.flatMap(value => [{ type: 'keyDown', value }, { type: 'keyUp', value }]) }]
}

/** @param x in CSS px from the left of the window */
export function clickAt (x: number, y: number): unknown[] {
  const at = { x: Math.round(x), y: Math.round(y) }
  return [{
    type: 'pointer',
    id: 'mouse',
    parameters: { pointerType: 'mouse' },
    actions: [{ type: 'pointerMove', duration: 0, ...at }, { type: 'pointerDown', button: 0 }, { type: 'pointerUp', button: 0 }]
  }]
}
