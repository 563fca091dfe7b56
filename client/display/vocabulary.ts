import type { ClientSettings, Messages } from '../types.js'
import { english, languages, readLocale, type Words } from './messages.js'

/** What the dialog says, in the language of the page once that has come. */
export interface Vocabulary {
  readonly words: Words
  /** Once there is something to say: gets the texts of another language, if there is need of them. */
  load (then: () => void): void
}

/** One language for texts and numbers: a page in a language without texts is spoken to in English as a whole. */
export function createVocabulary ({ locale, messages: own }: ClientSettings, endpoint: URL): Vocabulary {
  const { language, baseName } = readLocale(locale || document.documentElement.lang)
  let wanted = !own?.warning && languages.includes(language)
  let words: Words = { messages: { ...english, ...own }, locale: own?.warning || language === 'en' ? baseName : 'en' }
  return {
    get words () { return words },
    async load (then) {
      if (!wanted) return
      wanted = false
      try {
        const response = await fetch(`${endpoint.href}/languages/${language}.json`)
        const texts = await response.json() as Messages
        if (!texts.warning) return
        words = { messages: { ...texts, ...own }, locale: baseName }
        then()
      } catch {
        // English it is, then.
      }
    }
  }
}
