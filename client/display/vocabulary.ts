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
  const loaded = new Map<string, Messages | null>([['en', english]])
  return { get words () { return choose() }, load }

  /** Each time anew: applications let their users choose another language, without a new page. */
  function choose (): Words {
    const { language, baseName } = tag()
    const texts = loaded.get(language)
    return { messages: { ...(texts ?? english), ...own }, locale: own?.warning || texts ? baseName : 'en' }
  }

  async function load (then: () => void): Promise<void> {
    const { language } = tag()
    if (own?.warning || loaded.has(language) || !languages.includes(language)) return
    // Asked for once.
    loaded.set(language, null)
    try {
      const response = await fetch(`${endpoint.href}/languages/${language}.json`)
      const texts = await response.json() as Messages
      if (!texts.warning) return
      loaded.set(language, texts)
      then()
    } catch {
      // English it is, then.
    }
  }

  function tag (): Intl.Locale {
    return readLocale(locale || document.documentElement.lang)
  }
}
