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
  /** The title over a covered page. */
  ended: string
  /** Why the page is covered. */
  endedText: string
}

const names = ['title', 'warning', 'limit', 'stay', 'signOut', 'signIn', 'dismiss', 'ended', 'endedText'] as const

// In the order of `names`, which would otherwise be sent four times.
const texts: Record<string, string> = {
  en: 'Are you still there?|' +
    'For your security, you will be signed out in {time}.|' +
    'Your session ends in {time}. Save your work and sign in again.|' +
    'Stay signed in|Sign out now|Sign in again|Close|' +
    'You are signed out|For your security, this page is no longer shown.',
  de: 'Sind Sie noch da?|' +
    'Zu Ihrer Sicherheit werden Sie in {time} abgemeldet.|' +
    'Ihre Sitzung endet in {time}. Speichern Sie Ihre Arbeit und melden Sie sich neu an.|' +
    'Angemeldet bleiben|Jetzt abmelden|Neu anmelden|Schließen|' +
    'Sie sind abgemeldet|Zu Ihrer Sicherheit wird diese Seite nicht mehr angezeigt.',
  fr: 'Êtes-vous toujours là ?|' +
    'Pour votre sécurité, vous serez déconnecté dans {time}.|' +
    'Votre session prend fin dans {time}. Enregistrez votre travail et reconnectez-vous.|' +
    'Rester connecté|Se déconnecter|Se reconnecter|Fermer|' +
    'Vous êtes déconnecté|Pour votre sécurité, cette page n’est plus affichée.',
  es: '¿Sigue ahí?|' +
    'Por su seguridad, su sesión se cerrará en {time}.|' +
    'Su sesión termina en {time}. Guarde su trabajo e inicie sesión de nuevo.|' +
    'Seguir conectado|Cerrar sesión|Iniciar sesión|Cerrar|' +
    'Sesión cerrada|Por su seguridad, esta página ya no se muestra.'
}

/** @param locale a language tag; its language decides, English where there is no translation */
export function messagesFor (locale: string, own: Partial<Messages> = {}): Messages {
  const language = (texts[locale.slice(0, 2).toLowerCase()] ?? texts.en!).split('|')
  return { ...Object.fromEntries(names.map((name, index) => [name, language[index]])) as unknown as Messages, ...own }
}

/** "1 minute 20 seconds", with the plurals of the language. */
export function formatTime (seconds: number, locale: string): string {
  const part = (value: number, unit: string): string =>
    new Intl.NumberFormat(locale, { style: 'unit', unit, unitDisplay: 'long' }).format(value)
  const minutes = Math.floor(seconds / 60)
  const rest = seconds % 60
  return [minutes && part(minutes, 'minute'), (rest || !minutes) && part(rest, 'second')].filter(Boolean).join(' ')
}
