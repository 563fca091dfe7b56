// The picture of the README: what a user sees, above the time line of a session. As WebP, which is a fifth of a PNG.
import { mkdirSync, writeFileSync } from 'node:fs'

const width = 760
const colours = {
  light: { paper: '#fff', ink: '#1f2328', faint: '#8c959f', live: '#1a7f37', warned: '#9a6700', ended: '#cf222e' },
  dark: { paper: '#0d1117', ink: '#e6edf3', faint: '#7d8590', live: '#3fb950', warned: '#d29922', ended: '#f85149' }
}

/**
 * @param {import('playwright-core').Browser} browser
 * @param {'light' | 'dark'} scheme
 * @param {Buffer} dialog a PNG of the page while it warns
 */
export async function drawPicture (browser, scheme, dialog) {
  const context = await browser.newContext({ viewport: { width, height: 500 }, colorScheme: scheme, deviceScaleFactor: 2 })
  const page = await context.newPage()
  const { paper, ink } = colours[scheme]
  await page.setContent(`<!doctype html><body style="margin:0;width:${width}px;background:${paper};color:${ink}">
    <img src="data:image/png;base64,${dialog.toString('base64')}" style="display:block;width:${width}px">${timeLine(colours[scheme])}`)
  const { height } = await page.locator('body').boundingBox()
  const png = await page.screenshot({ clip: { x: 0, y: 0, width, height } })
  const webp = await page.evaluate(async source => {
    const image = document.createElement('img')
    image.src = source
    await image.decode()
    const canvas = Object.assign(document.createElement('canvas'), { width: image.width, height: image.height })
    canvas.getContext('2d').drawImage(image, 0, 0)
    return canvas.toDataURL('image/webp', 0.85).split(',')[1]
  }, `data:image/png;base64,${png.toString('base64')}`)
  await context.close()
  mkdirSync('docs/images', { recursive: true })
  writeFileSync(`docs/images/${scheme}.webp`, Buffer.from(webp, 'base64'))
}

/** Half an hour without activity, from the last click to the next page. */
function timeLine ({ ink, faint, live, warned, ended }) {
  const line = 58
  const stroke = (from, to, colour, dashes = '') => `<path d="M${from} ${line}H${to}" stroke="${colour}" stroke-width="6" ${dashes && `stroke-dasharray="${dashes}"`}/>`
  const point = (at, colour, above = '', below = '', anchor = 'middle') => `<circle cx="${at}" cy="${line}" r="7" fill="${colour}"/>
    <text x="${at}" y="${line - 20}" text-anchor="${anchor}" fill="${ink}">${above}</text>
    <text x="${at}" y="${line + 30}" text-anchor="${anchor}" fill="${faint}">${below}</text>`
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="112" font-family="system-ui, sans-serif" font-size="14" style="display:block">
    ${stroke(30, 450, live)}${stroke(450, 560, warned)}${stroke(560, 720, ended, '6 6')}
    ${point(30, live, 'signs in', '9:00', 'start')}${point(130, live)}${point(165, live, 'works')}${point(200, live, '', '9:20')}
    ${point(450, warned, 'is warned', '9:48')}${point(560, ended, 'is signed out', '9:50')}${point(730, faint, 'is told why', 'the next page', 'end')}
  </svg>`
}
