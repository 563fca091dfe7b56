import t from 'tap'
import { openScene } from '../helpers/scene.js'
import { minute } from '../helpers/time.js'

interface Case {
  name: string
  headers: Record<string, string>
  extends: boolean
}

const origin = 'https://app.example'

const cases: Case[] = [
  { name: 'an image on another site', headers: { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'image' }, extends: false },
  { name: 'an image on a neighbouring subdomain', headers: { 'sec-fetch-site': 'same-site', 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'image' }, extends: false },
  { name: 'a frame on another site', headers: { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'iframe' }, extends: false },
  { name: 'a script on another site', headers: { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty', origin: 'https://evil.example' }, extends: false },
  { name: 'a socket opened by another site', headers: { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'websocket', origin: 'https://evil.example' }, extends: false },
  { name: 'a script of a trusted origin', headers: { 'sec-fetch-site': 'same-site', 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty', origin }, extends: true },
  { name: 'a link on another site that the user follows', headers: { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document', 'sec-fetch-user': '?1' }, extends: true },
  { name: 'a script of the site', headers: { 'sec-fetch-site': 'same-origin', 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty' }, extends: true },
  { name: 'an address typed by the user', headers: { 'sec-fetch-site': 'none', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' }, extends: true },
  { name: 'a caller without fetch metadata', headers: {}, extends: true }
]

for (const { name, headers, extends: isActivity } of cases) {
  t.test(`${name} is ${isActivity ? 'an' : 'no'} activity`, async t => {
    const { browser, clock } = await openScene(t, { timeout: { trustedOrigins: [origin] } })
    for (let request = 0; request < 4; request++) {
      clock.tick(10 * minute)
      await browser.clone().get('/me', headers)
    }
    t.equal((await browser.get('/me')).json().ended, isActivity ? null : 'idle')
  })
}

t.test('a request of another site is checked like every other request', async t => {
  const { browser, clock } = await openScene(t)
  clock.tick(30 * minute)
  t.match((await browser.get('/me', cases[0]!.headers)).json(), { userId: null, ended: 'idle' })
})

t.test('a route that calls its requests activities does not make those of other sites one', async t => {
  const { browser, clock } = await openScene(t, {
    routes: app => { app.get('/pixel', { config: { sessionTimeout: { countsAsActivity: true } } }, async () => 'pixel') }
  })
  clock.tick(20 * minute)
  await browser.clone().get('/pixel', cases[0]!.headers)
  t.equal((await browser.get('/me', cases[0]!.headers)).json().remaining, 10 * minute)
})
