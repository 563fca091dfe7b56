import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { launchEngines, type Tab } from '../../helpers/engines/engines.js'
import { buildStorySite, type StorySite } from '../../helpers/story-site.js'
import { ended, letPass, timeout } from './dialog.js'

/** A hundred take minutes: SENDING_TRIES=100. */
const tries = Number(process.env.SENDING_TRIES ?? 3)
const story = await launchEngines(t)
const words = 'Dear Sir, '

story(`a letter that the browser sends after the end is not lost, ${tries} of ${tries} times`, async (t, profile) => {
  const sent: unknown[] = []
  const site = await build(t, sent)
  const tab = await site.enter(profile, '/letter')
  await write(tab)
  // No answer is so young that it would be believed.
  await sleep(4500)
  for (let round = 0; round < tries; round++) {
    site.forget()
    await tab.evaluate(() => document.querySelector('form')!.requestSubmit())
    await ended(tab)
    t.match(await tab.url(), /letter/)
    await tab.evaluate(() => fetch('/sign-in?user=ada', { method: 'POST' }).then(response => response.text()))
    await tab.until('the letter is back', () => document.querySelector('#note')!.checkVisibility({ visibilityProperty: true }))
    t.equal(await tab.evaluate(() => document.querySelector<HTMLTextAreaElement>('#note')!.value), words)
    await sleep(4500)
  }
  t.same(sent, [])
  await tab.evaluate(() => document.querySelector('form')!.requestSubmit())
  await tab.until('it is sent', () => location.pathname === '/sent')
  t.equal(sent.length, 1, 'and one of a session that lives arrives, once')
})

story(`a letter whose saving has failed is not lost, ${tries} of ${tries} times`, async (t, profile) => {
  const site = await build(t, [])
  for (let round = 0; round < tries; round++) {
    const tab = await site.enter(profile, '/letter')
    await write(tab)
    await tab.evaluate(() => {
      const form = document.querySelector('form')!
      // As frameworks do: what is typed becomes the default, and the form is sent by fetch.
      const note = document.querySelector<HTMLTextAreaElement>('#note')!
      note.defaultValue = note.value
      form.addEventListener('submit', event => {
        event.preventDefault()
        fetch('/refused', { method: 'POST' }).catch(() => {})
      })
      form.addEventListener('reset', event => event.preventDefault())
      form.requestSubmit()
      form.reset()
    })
    await letPass(tab, site, 1500)
    await ended(tab)
    t.match(await tab.url(), /letter/, 'it stays')
    t.equal(await tab.evaluate(() => document.querySelector<HTMLTextAreaElement>('#note')!.value), words)
  }
})

story('marks in shadow roots and editors in frames are seen', async (t, profile) => {
  const site = await build(t, [])
  const tab = await site.enter(profile, '/page')
  await tab.evaluate(() => {
    const host = document.body.appendChild(document.createElement('div'))
    host.attachShadow({ mode: 'open' }).innerHTML = '<form data-session-timeout-keep><input id="inner"></form>'
    host.shadowRoot!.querySelector('input')!.value = 'half a word'
  })
  await letPass(tab, site, 1500)
  await ended(tab)
  t.match(await tab.url(), /page/, 'it stays')
})

function build (t: Test, sent: unknown[]): Promise<StorySite> {
  return buildStorySite(t, {
    timeout: { ...timeout, afterTimeout: { redirectTo: '/login' } },
    routes (app) {
      app.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (_request, body, done) => done(null, body))
      app.post('/sent', async (request, reply) => {
        sent.push(request.body)
        return reply.type('text/html').send('<!doctype html><title>Sent</title>')
      })
      app.post('/refused', async (_request, reply) => reply.code(401).send())
    }
  })
}

async function write (tab: Tab): Promise<void> {
  await tab.click('#note')
  await tab.type(words)
}
