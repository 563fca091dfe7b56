/** What a person meets of the dialog, as the browser has laid it out and coloured it. */
export interface Look {
  /** Texts whose contrast with what is behind them is below 4.5, with the figure. */
  faint: string[]
  /** Texts under 14 px. */
  small: string[]
  /** Buttons whose border and background both have a contrast below 3 with what is around them, with the figure. */
  blurred: string[]
  /** Buttons under 24 by 24 px. */
  tiny: string[]
  /** What sticks out of the window, or out of the dialog to the side. */
  outside: string[]
  /** Buttons that have to be scrolled to. */
  hidden: string[]
  /** Where the middle of the dialog is not the middle of the window, across. */
  aside: string[]
}

/** Runs in the page. */
export function measure (selector: string): Look {
  const dialog = document.querySelector<HTMLElement>(selector)
  if (!dialog) throw new Error('no dialog')
  const canvas = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true })!
  const look: Look = { faint: [], small: [], blurred: [], tiny: [], outside: [], hidden: [], aside: [] }

  for (const element of [dialog, ...dialog.querySelectorAll<HTMLElement>('*')]) {
    const words = [...element.childNodes].filter(node => node.nodeType === Node.TEXT_NODE).map(node => node.textContent).join('').trim()
    if (words === '' || isForScreenReaders(element)) continue
    const { color, fontSize } = getComputedStyle(element)
    const behind = background(element)
    const contrast = ratio(luminance(over(rgba(color), behind)), luminance(behind))
    if (contrast < 4.5) look.faint.push(`${words}: ${contrast.toFixed(2)}`)
    if (parseFloat(fontSize) < 14) look.small.push(`${words}: ${fontSize}`)
  }
  const bottomEdge = Math.min(innerHeight, dialog.getBoundingClientRect().bottom)
  for (const button of dialog.querySelectorAll('button')) {
    const { width, height, bottom } = button.getBoundingClientRect()
    if (bottom > bottomEdge + 0.5) look.hidden.push(button.textContent)
    const around = background(button.parentElement!)
    const { borderColor, backgroundColor } = getComputedStyle(button)
    const edge = Math.max(...[borderColor, backgroundColor].map(color => ratio(luminance(over(rgba(color), around)), luminance(around))))
    if (edge < 3) look.blurred.push(`${button.textContent}: ${edge.toFixed(2)}`)
    if (width < 24 || height < 24) look.tiny.push(`${button.textContent}: ${width} x ${height}`)
  }
  const { left, top, right, bottom } = dialog.getBoundingClientRect()
  if (left < 0 || top < 0 || right > innerWidth + 0.5 || bottom > innerHeight + 0.5) {
    look.outside.push(`${[left, top, right, bottom].map(Math.round).join(' ')} in ${innerWidth} x ${innerHeight}`)
  }
  if (dialog.scrollWidth > dialog.clientWidth) look.outside.push(`${dialog.scrollWidth} px of content in ${dialog.clientWidth}`)
  // What is too tall can be scrolled to.
  const { overflowY } = getComputedStyle(dialog)
  if (dialog.scrollHeight > dialog.clientHeight + 1 && overflowY !== 'auto' && overflowY !== 'scroll') look.outside.push(`overflow ${overflowY}`)
  const off = (left + right) / 2 - document.documentElement.clientWidth / 2
  if (Math.abs(off) > 10) look.aside.push(`${Math.round(off)} px`)
  if (innerWidth > 1000 && right - left > innerWidth * 0.6) look.aside.push(`${Math.round(right - left)} of ${innerWidth} px wide`)
  if (innerHeight > 700 && bottom - top > innerHeight * 0.6) look.aside.push(`${Math.round(bottom - top)} of ${innerHeight} px high`)
  return look

  function isForScreenReaders (element: HTMLElement): boolean {
    for (let at: HTMLElement | null = element; at && at !== dialog; at = at.parentElement) {
      const { clipPath, width, height } = getComputedStyle(at)
      if (clipPath.startsWith('inset(50%') || (parseFloat(width) <= 1 && parseFloat(height) <= 1)) return true
    }
    return false
  }

  /** What is painted behind it: all backgrounds up to the first that lets nothing through, white behind all. */
  function background (element: HTMLElement): number[] {
    const layers: number[][] = []
    for (let at: HTMLElement | null = element; at; at = at === dialog ? null : at.parentElement) {
      layers.unshift(rgba(getComputedStyle(at).backgroundColor))
    }
    return layers.reduce((below, layer) => over(layer, below), [255, 255, 255, 1])
  }

  function over ([red = 0, green = 0, blue = 0, alpha = 1]: number[], below: number[]): number[] {
    return [...[red, green, blue].map((part, index) => part * alpha + below[index]! * (1 - alpha)), 1]
  }

  /** Any colour that CSS can name, in sRGB. */
  function rgba (color: string): number[] {
    canvas.clearRect(0, 0, 1, 1)
    canvas.fillStyle = color
    canvas.fillRect(0, 0, 1, 1)
    const [red, green, blue, alpha] = canvas.getImageData(0, 0, 1, 1).data
    return [red!, green!, blue!, alpha! / 255]
  }

  /** The formulas of WCAG 2.2. */
  function luminance (color: number[]): number {
    const [red, green, blue] = color.map(part => part / 255).map(part => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
    return 0.2126 * red! + 0.7152 * green! + 0.0722 * blue!
  }

  function ratio (one: number, other: number): number {
    return (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05)
  }
}
