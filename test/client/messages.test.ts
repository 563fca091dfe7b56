import { readdirSync, readFileSync } from 'node:fs'
import t from 'tap'
import { english, formatTime, isMilestone, languages, readLocale } from '../../client/display/messages.js'
import type { Messages } from '../../client/types.js'
import { root } from '../helpers/root.js'

const folder = new URL('client/languages/', root)

t.test('what is left is said in whole minutes until the last one, then in seconds, with the plurals of the language', async t => {
  for (const [seconds, locale, text] of [
    [1, 'en', '1 second'],
    [2, 'en', '2 seconds'],
    [60, 'en', '1 minute'],
    [61, 'en', '2 minutes'],
    [120, 'en-GB', '2 minutes'],
    [59, 'en', '59 seconds'],
    [80, 'de', '2 Minuten'],
    [20, 'fr', '20 secondes'],
    [121, 'es', '3 minutos'],
    [122, 'pl', '3 minuty'],
    [300, 'pl', '5 minut'],
    [90, 'ja', '2 分']
  ] as const) {
    t.equal(formatTime(seconds, locale).replaceAll('\u00a0', ' '), text)
  }
})

t.test('each full minute, 40 and 20 seconds are announced', async t => {
  const announced = Array.from({ length: 180 }, (_, index) => index + 1).filter(isMilestone)
  t.same(announced, [20, 40, 60, 120, 180])
})

t.test('every language has a file, and the other way round', async t => {
  t.same(readdirSync(folder).sort(), languages.map(language => `${language}.json`))
})

t.test('every language has every text, and every warning says when', async t => {
  for (const language of ['en', ...languages]) {
    const messages = language === 'en' ? english : JSON.parse(readFileSync(new URL(`${language}.json`, folder), 'utf8')) as Messages
    t.same(Object.keys(messages), Object.keys(english), language)
    t.ok(Object.values(messages).every(text => typeof text === 'string' && text.trim() === text && text !== ''), language)
    for (const [key, text] of Object.entries(messages)) t.equal(text.includes('{time}'), key === 'warning' || key === 'limit', `${language}, ${key}`)
  }
})

t.test('a language tag that is wrong stops nothing', async t => {
  t.equal(readLocale('en_US').baseName, 'en-US')
  t.equal(readLocale('de-AT').language, 'de')
  for (const wrong of ['', 'x', 'de_DE.UTF-8', '{{ lang }}']) t.equal(readLocale(wrong).baseName, 'en', JSON.stringify(wrong))
})
