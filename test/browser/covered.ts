import type { Page } from 'playwright-core'

/** Waits until nothing of the page is shown. */
export async function isCovered (page: Page): Promise<void> {
  await page.waitForFunction(() => getComputedStyle(document.body).visibility === 'hidden')
}
