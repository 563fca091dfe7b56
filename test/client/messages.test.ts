import t from 'tap'
import { chooseLocale, formatTime, messagesFor } from '../../client/messages.js'

t.test('what is left is said with the plurals of the language', async t => {
  for (const [seconds, locale, text] of [
    [1, 'en', '1 second'],
    [2, 'en', '2 seconds'],
    [60, 'en', '1 minute'],
    [61, 'en', '1 minute 1 second'],
    [120, 'en-GB', '2 minutes'],
    [59, 'en', '59 seconds'],
    [80, 'de', '1 Minute 20 Sekunden'],
    [80, 'fr', '1 minute 20 secondes'],
    [121, 'es', '2 minutos 1 segundo']
  ] as const) {
    t.equal(formatTime(seconds, locale).replaceAll('\u00a0', ' '), text)
  }
})

t.test('every language has every text, and every warning says when', async t => {
  for (const locale of ['en', 'de', 'fr', 'es']) {
    const messages = messagesFor(locale)
    t.equal(Object.values(messages).filter(text => typeof text === 'string' && text !== '').length, 11, locale)
    t.match(messages.warning, '{time}')
    t.match(messages.limit, '{time}')
  }
})

t.test('the language decides, English where there is no translation', async t => {
  t.equal(messagesFor('de-AT').stay, 'Angemeldet bleiben')
  t.equal(messagesFor('FR').stay, 'Rester connecté')
  t.equal(messagesFor('ja').stay, 'Stay signed in')
})

t.test('texts and numbers are in one language', async t => {
  for (const [wanted, own, locale] of [
    ['de', false, 'de'],
    ['de-AT', false, 'de-AT'],
    ['FR', false, 'fr'],
    ['ja', false, 'en'],
    ['ja', true, 'ja'],
    // Northern Frisian is not French.
    ['frr', false, 'en']
  ] as const) {
    t.equal(chooseLocale(wanted, own), locale, `${wanted}, ${own ? 'own' : 'built-in'} texts`)
  }
})

t.test('a language tag that is wrong stops nothing', async t => {
  t.equal(chooseLocale('en_US', false), 'en-US')
  for (const wrong of ['', 'x', 'de_DE.UTF-8', 'constructor', '__proto__', '{{ lang }}']) {
    t.equal(chooseLocale(wrong, false), 'en', JSON.stringify(wrong))
    t.match(formatTime(61, chooseLocale(wrong, true)), /1 minute/)
  }
})

t.test('texts of the application replace the built-in ones', async t => {
  t.match(messagesFor('en', { stay: 'Weiter' }), { stay: 'Weiter', signOut: 'Sign out now' })
})
