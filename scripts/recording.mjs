// The recording of the README: a letter that comes back. Two tabs of the demo, as a browser shows them, as an animated WebP.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildDemo } from '../examples/demo/app.js'

const viewport = { width: 920, height: 530 }

/**
 * Needs img2webp, of Debian's package `webp`.
 * @param {import('playwright-core').Browser} browser
 * @param {'light' | 'dark'} colorScheme
 */
export async function record (browser, colorScheme) {
  const app = await buildDemo()
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  const folder = mkdtempSync(join(tmpdir(), 'recording-'))
  const context = await browser.newContext({ viewport, colorScheme, deviceScaleFactor: 1.5, bypassCSP: true })
  const page = await context.newPage()
  const frames = []

  /** @param {number} ms how long it is seen */
  async function shoot (ms) {
    const path = join(folder, `${String(frames.length).padStart(3, '0')}.png`)
    await page.screenshot({ path })
    frames.push('-d', String(ms), path)
  }

  await page.goto(url)
  await page.click('text=Sign in as Ada')
  await setStage(page)
  const [statement, letter] = [page.frameLocator('iframe >> nth=0'), page.frameLocator('iframe >> nth=1')]
  await statement.locator('table').waitFor()
  const mouse = createMouse(page, shoot)

  await mouse.to(letter.locator('h1'), 0.9, 0.5)
  await shoot(1200)
  await mouse.to(letter.locator('#letter'), 0.6, 0.2)
  await letter.locator('#letter').focus()
  await page.keyboard.press('Control+End')
  for (const word of [' how', ' you', ' found', ' it', ' so', ' quickly.', ' Ours', ' hid', ' for']) {
    await page.keyboard.type(word)
    await shoot(170)
  }
  await shoot(700)

  await mouse.drag(page.locator('#clock'), 42)
  await letter.locator('.session-timeout >> text=Sign out now').waitFor()
  await statement.locator('.session-timeout >> text=Sign out now').waitFor()
  await shoot(2200)

  await mouse.drag(page.locator('#clock'), 60)
  await statement.locator('text=You were signed out').waitFor({ timeout: 15_000 })
  await letter.locator('.session-timeout >> text=Sign in again').waitFor()
  await statement.locator('img').first().waitFor()
  await shoot(2600)

  const name = statement.locator('#name')
  await statement.locator('main button').scrollIntoViewIfNeeded()
  await mouse.to(name, 0.3, 0.5)
  await name.click()
  for (const key of 'Ada') {
    await page.keyboard.type(key)
    await shoot(220)
  }
  await mouse.to(statement.locator('main button'), 0.5, 0.5)
  await statement.locator('main button').click()
  await letter.locator('#letter').waitFor()
  await statement.locator('table').waitFor()
  await page.waitForTimeout(500)
  await shoot(3500)

  const output = `docs/images/letter-${colorScheme}.webp`
  execFileSync('img2webp', ['-loop', '0', '-min_size', '-mixed', '-q', '80', '-m', '6', ...frames, '-o', output])
  const { size } = statSync(output)
  console.log(`${output}: ${frames.length / 3} frames, ${Math.round(size / 1000)} kB`)
  if (size > 1_000_000) throw new Error(`${output} is over 1 MB`)
  await context.close()
  await app.close()
  rmSync(folder, { recursive: true })
}

/** The two tabs and the clock, without what is around them; and a mouse that is seen. */
async function setStage (page) {
  await page.addStyleTag({
    content: `body > header, .skip, h1, h2, .lead, .switch, .steps { display: none !important }
      main { padding: 16px !important } .wide main { max-width: none } iframe { height: 360px !important } details { display: none }
      #mouse { position: fixed; left: 0; top: 0; z-index: 9; pointer-events: none }`
  })
  await page.evaluate(() => {
    const mouse = document.createElementNS('http://www.w3.org/2000/svg', 'svg')
    mouse.id = 'mouse'
    mouse.setAttribute('width', '22')
    const arrow = document.createElementNS('http://www.w3.org/2000/svg', 'path')
    arrow.setAttribute('d', 'M2 2v20l5.5-5 3.5 8 3.5-1.5-3.5-7.8h7z')
    arrow.setAttribute('fill', '#fff')
    arrow.setAttribute('stroke', '#000')
    mouse.append(arrow)
    document.body.append(mouse)
  })
}

function createMouse (page, shoot) {
  let at = { x: 800, y: 60 }

  async function move (to, steps, ms) {
    const from = at
    for (let step = 1; step <= steps; step++) {
      at = { x: from.x + (to.x - from.x) * step / steps, y: from.y + (to.y - from.y) * step / steps }
      await page.mouse.move(at.x, at.y)
      await page.evaluate(({ x, y }) => { document.querySelector('#mouse').style.transform = `translate(${x}px, ${y}px)` }, at)
      await shoot(ms)
    }
  }

  return {
    /** To a point in an element, by its share of the width and the height. */
    async to (locator, across, down) {
      const { x, y, width, height } = await locator.boundingBox()
      await move({ x: x + width * across, y: y + height * down }, 4, 60)
    },
    /** The clock, to so many seconds. */
    async drag (locator, seconds) {
      const { x, y, width, height } = await locator.boundingBox()
      const thumb = 26
      const point = value => ({ x: x + thumb / 2 + (width - thumb) * value / 60, y: y + height / 2 })
      await move(point(Number(await locator.inputValue())), 4, 60)
      await page.mouse.down()
      await move(point(seconds), 8, 80)
      await page.mouse.up()
    }
  }
}
