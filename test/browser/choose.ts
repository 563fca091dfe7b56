import type { Page } from 'playwright-core'

/** Clicks on that button of the dialog, as somebody does who has read it: what comes sooner is no answer. */
export async function choose (page: Page, text: string): Promise<void> {
  const button = page.locator(`.session-timeout button:text-is("${text}")`)
  await button.waitFor()
  await page.waitForTimeout(600)
  await button.click()
}
