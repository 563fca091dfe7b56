import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import type { Page } from 'playwright-core'

interface Axe {
  run (context: string): Promise<{ violations: Array<{ id: string, nodes: Array<{ html: string }> }> }>
}

const source = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** What axe-core finds in that part of the page. */
export async function findings (page: Page, selector: string): Promise<string[]> {
  if (!await page.evaluate(() => 'axe' in window)) await page.evaluate(source)
  return page.evaluate(async selector => {
    const { axe } = window as unknown as { axe: Axe }
    const { violations } = await axe.run(selector)
    return violations.map(one => `${one.id}: ${one.nodes.map(node => node.html).join(' ')}`)
  }, selector)
}
