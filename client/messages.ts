/** The texts of the dialog. `{time}` is replaced by what is left, such as "1 minute 20 seconds". */
export interface Messages {
  /** The title of the warning. */
  title: string
  /** While the user can stay. */
  warning: string
  /** Near the absolute limit, when nothing extends the session. */
  limit: string
  stay: string
  signOut: string
  signIn: string
  /** Closes the warning of the absolute limit. */
  dismiss: string
  /** The title over a page that is covered until the server has answered. */
  checking: string
  /** Asks the server again when it has not answered. */
  retry: string
  /** The title over the page of a session that has ended. */
  ended: string
  /** Why the page is covered. */
  endedText: string
}

const names = 'title|warning|limit|stay|signOut|signIn|dismiss|checking|retry|ended|endedText'.split('|')

// In the order of `names`, which would otherwise be sent four times.
const texts: Record<string, string> = {
  en: 'Your session ends soon|' +
    'For your security, you will be signed out in {time}.|' +
    'Your session ends in {time}. Please save your work.|' +
    'Stay signed in|Sign out now|Sign in again|Close|' +
    'Checking your session|Try again|' +
    'You are signed out|For your security, this page is not shown.',
  de: 'Ihre Sitzung endet bald|' +
    'Zu Ihrer Sicherheit werden Sie in {time} abgemeldet.|' +
    'Ihre Sitzung endet in {time}. Bitte speichern Sie Ihre Arbeit.|' +
    'Angemeldet bleiben|Jetzt abmelden|Neu anmelden|Schließen|' +
    'Ihre Sitzung wird geprüft|Erneut versuchen|' +
    'Sie sind abgemeldet|Zu Ihrer Sicherheit wird diese Seite nicht angezeigt.',
  fr: 'Votre session prend bientôt fin|' +
    'Pour votre sécurité, vous serez déconnecté dans {time}.|' +
    'Votre session prend fin dans {time}. Veuillez enregistrer votre travail.|' +
    'Rester connecté|Se déconnecter|Se reconnecter|Fermer|' +
    'Vérification de votre session|Réessayer|' +
    'Vous êtes déconnecté|Pour votre sécurité, cette page n’est pas affichée.',
  es: 'Su sesión se cerrará pronto|' +
    'Por su seguridad, su sesión se cerrará en {time}.|' +
    'Su sesión se cerrará en {time}. Guarde su trabajo.|' +
    'Seguir conectado|Cerrar sesión|Iniciar sesión|Cerrar|' +
    'Comprobando su sesión|Reintentar|' +
    'Sesión cerrada|Por su seguridad, esta página no se muestra.'
}

/**
 * The language to speak. One language for texts and numbers: a page in a language without texts is spoken to
 * in English as a whole. A wrong tag such as `en_US` must not stop the warning, which Intl would by throwing.
 * @param own whether the application brings its own texts
 */
export function chooseLocale (wanted: string, own: boolean): string {
  try {
    const { language, baseName } = new Intl.Locale(wanted.replace('_', '-'))
    if (own || texts[language]) return baseName
  } catch {}
  return 'en'
}

/** @param locale a language tag; its language decides, English where there is no translation */
export function messagesFor (locale: string, own?: Partial<Messages>): Messages {
  const language = (texts[new Intl.Locale(locale).language] ?? texts.en!).split('|')
  return { ...Object.fromEntries(names.map((name, index) => [name, language[index]])) as unknown as Messages, ...own }
}

/** "1 minute 20 seconds", with the plurals of the language; from 1 second up. */
export function formatTime (seconds: number, locale: string): string {
  const part = (value: number, unit: string): string =>
    new Intl.NumberFormat(locale, { style: 'unit', unit, unitDisplay: 'long' }).format(value)
  const minutes = Math.floor(seconds / 60)
  const rest = seconds % 60
  return [minutes && part(minutes, 'minute'), rest && part(rest, 'second')].filter(Boolean).join(' ')
}
