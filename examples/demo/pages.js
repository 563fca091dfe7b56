import { parse } from '@lukeed/ms'

class Markup {
  constructor (text) { this.text = text }
  toString () { return this.text }
}

/** A tagged template whose values are escaped, unless they are markup made by it. */
export function html (strings, ...values) {
  return new Markup(strings.reduce((text, string, index) => text + render(values[index - 1]) + string))
}

function render (value) {
  if (value instanceof Markup) return value.text
  if (Array.isArray(value)) return value.map(render).join('')
  if (value === undefined || value === null || value === false) return ''
  return String(value).replace(/[&<>"']/g, character => `&#${character.charCodeAt(0)};`)
}

/** 90_000 is "1 minute 30 seconds". */
export function describeDuration (value) {
  const seconds = Math.round(parse(String(value)) / 1000)
  const parts = [[Math.floor(seconds / 3600), 'hour'], [Math.floor(seconds / 60) % 60, 'minute'], [seconds % 60, 'second']]
  return parts.filter(([count, unit]) => count > 0 || (unit === 'second' && seconds === 0))
    .map(([count, unit]) => new Intl.NumberFormat('en', { style: 'unit', unit, unitDisplay: 'long' }).format(count))
    .join(' ')
}

function layout ({ title, path, user, messages = {}, policy, remaining, body }) {
  const links = [['/account', 'Your time'], ['/news', 'News'], ['/letter', 'Letter'], ['/statement', 'Statement']]
  return html`<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <meta name="color-scheme" content="light dark">
  <title>${title} · Session timeout demo</title>
  <link rel="icon" href="/icon.svg" type="image/svg+xml">
  <link rel="stylesheet" href="/style.css">
  ${user && html`<script type="module" src="/session-timeout/client.js"></script>
  <script type="module" src="/page.js"></script>`}
  ${policy && html`<script type="module" src="/panel.js"></script>`}
</head>
<body>
  <a class="skip" href="#main">Skip to content</a>
  <header>
    <a class="brand" href="/"><img src="/icon.svg" alt="" width="28" height="28"> Timeout demo</a>
    ${user
      ? html`<nav aria-label="Main">${links.map(([href, text]) => html`<a href="${href}"${href === path && html` aria-current="page"`}>${text}</a>`)}</nav>
    <form method="post" action="/logout" data-sign-out><button class="quiet">Sign out<span class="name"> ${user}</span></button></form>`
      : path !== '/login' && html`<a class="button" href="/login">Sign in</a>`}
  </header>
  <main id="main" tabindex="-1">
    ${Object.entries(messages).flatMap(([type, texts]) => texts.map(text => html`<p class="message ${type}" role="${type === 'success' ? 'status' : 'alert'}">${text}</p>`))}
    ${body}
  </main>
  ${policy && panel({ user, policy, remaining })}
</body>
</html>
`
}

/** Beside every page: the policy, the time that is left, and what has happened. */
function panel ({ user, policy, remaining }) {
  const { idleTimeout, absoluteTimeout, warnBefore } = policy
  const rows = [['Away at most', idleTimeout], ['Signed in at most', absoluteTimeout], ['Warned before', warnBefore]]
  return html`<aside class="card panel" aria-labelledby="panel">
    <h2 id="panel">Behind the scenes</h2>
    <dl>${rows.map(([term, value]) => html`<div><dt>${term}</dt><dd>${describeDuration(value)}</dd></div>`)}</dl>
    ${user && html`<p class="left"><meter data-meter min="0" max="${secondsIn(idleTimeout)}" low="${secondsIn(warnBefore)}" value="${Math.ceil(remaining / 1000)}" aria-label="Time left"></meter>
      <span class="hint">${timeLeft(remaining)} seconds left</span></p>
    <form method="post" action="/skip" class="row" data-skip="${Math.min(60, secondsIn(idleTimeout) / 30) * 1000 + 500}">
      <button class="quiet" name="to" value="warning">Skip to the warning</button>
      <button class="quiet" name="to" value="end">Skip to the end</button>
      <span role="status" class="hint"></span>
    </form>
    <p class="hint">Sets the server's clock ahead, so that you need not wait.</p>`}
    <h3>Time line</h3>
    <ol class="timeline" data-timeline><li class="hint">Needs JavaScript, as does the warning. The server signs you out without.</li></ol>
  </aside>`
}

function secondsIn (duration) {
  return Math.round(parse(String(duration)) / 1000)
}

export function homePage ({ user, messages, policy, remaining }) {
  const [idle, absolute, warning] = [policy.idleTimeout, policy.absoluteTimeout, policy.warnBefore].map(describeDuration)
  return layout({
    title: 'Welcome',
    path: '/',
    user,
    messages,
    policy,
    remaining,
    body: html`<h1>Away too long, signed out</h1>
    <p class="lead">This small site signs you out after <strong>${idle}</strong> without activity, and after <strong>${absolute}</strong> at the latest.
      It warns you <strong>${warning}</strong> before.</p>
    ${user
      ? html`<p>You are signed in as <strong>${user}</strong>. <a class="button" href="/account">See the time you have left</a></p>`
      : html`<p><a class="button" href="/login">Sign in with any name</a></p>`}
    <h2>What to try</h2>
    <ol class="steps">
      <li><strong>Do nothing.</strong> Sign in and wait, or skip ahead. A warning appears, then you are signed out, and told why. Sign in again: you are back where you were.</li>
      <li><strong>Leave the <a href="/news">news</a> open.</strong> The page asks the server every few seconds. That is not you, so it does not keep you signed in.</li>
      <li><strong>Write a <a href="/letter">letter</a>.</strong> Typing is you: you stay signed in, although you load no page. Stop in the middle and skip to the end: sign in again, and your text is still there.</li>
      <li><strong>Open two tabs.</strong> Work in one: the other does not warn. Sign out in one: the other shows it.</li>
      <li><strong>Look at your <a href="/statement">statement</a>.</strong> Being signed in is not enough there: you are asked who you are if that was a while ago.</li>
      <li><strong>Stay busy.</strong> After ${absolute} you are asked to sign in again, however busy you are.</li>
    </ol>`
  })
}

export function loginPage ({ user, messages, returnTo, problem, policy, remaining, stale }) {
  return layout({
    title: problem ? 'Problem: sign in' : stale ? 'Confirm that it is you' : 'Sign in',
    path: '/login',
    user,
    messages,
    policy,
    remaining,
    body: stale
      ? html`<div class="card narrow">
      <h1>Is it you, ${user}?</h1>
      <p>You are still signed in, but that was a while ago, and the page that you asked for wants to be sure. A real site asks for your password here.</p>
      <form method="post" action="/account/confirm">
        <input type="hidden" name="returnTo" value="${returnTo}">
        <button>It is me</button>
      </form>
    </div>`
      : html`<div class="card narrow">
      <h1>Sign in</h1>
      ${user && html`<p>You are signed in as <strong>${user}</strong>. Signing in again starts a new session.</p>`}
      <form method="post" action="/login">
        <input type="hidden" name="returnTo" value="${returnTo}">
        <label for="name">Your name</label>
        <p class="hint" id="name-hint">Any name will do; there is no password in this demo.</p>
        ${problem && html`<p class="problem" id="name-problem">${problem}</p>`}
        <input id="name" name="name" autocomplete="username" maxlength="40" required aria-describedby="name-hint${problem && ' name-problem'}"${problem && html` aria-invalid="true"`}>
        <button>Sign in</button>
      </form>
    </div>`
  })
}

export function accountPage ({ user, messages, policy, remaining, startedAt, lastActivity, expiresAt }) {
  return layout({
    title: 'Your time',
    path: '/account',
    user,
    messages,
    policy,
    remaining,
    body: html`<h1>Hello, ${user}</h1>
    <section class="card clock" aria-labelledby="left">
      <h2 id="left">Time left</h2>
      <p class="figure">${timeLeft(remaining)} <span class="unit">seconds</span></p>
      <p class="hint">What the server said, counted down here. When it reaches zero, the server ends the session, whether this page is open or not.</p>
      <p class="row" data-needs-script hidden><button type="button" data-fetch="/api/work">Do some work</button></p>
      <p class="hint" data-needs-script hidden>Sends a request from this page. Its answer tells the page that there is more time.</p>
    </section>
    <section class="card" aria-labelledby="session">
      <h2 id="session">Your session</h2>
      <p class="hint">As it was when this page was loaded.</p>
      <dl>
        <div><dt>Signed in</dt><dd>${clockTime(startedAt)}</dd></div>
        <div><dt>Last activity</dt><dd>${clockTime(lastActivity)}</dd></div>
        <div><dt>Ends, if nothing happens</dt><dd>${clockTime(expiresAt)}</dd></div>
      </dl>
      <form method="post" action="/account/confirm"><button class="quiet">Confirm that it is you</button></form>
      <p class="hint">Starts both clocks anew. A real site asks for your password here.</p>
    </section>
    <section class="card" aria-labelledby="tabs">
      <h2 id="tabs">Two tabs</h2>
      <p>All tabs share one session. <a href="/account" target="_blank">Open this page in a second tab</a>, put them side by side, and work in only one of them.</p>
    </section>`
  })
}

export function newsPage ({ user, messages, policy, remaining }) {
  return layout({
    title: 'News',
    path: '/news',
    user,
    messages,
    policy,
    remaining,
    body: html`<h1>News</h1>
    <p class="lead">This page asks the server for news every 5 seconds. Nobody is clicking, so it does not keep you signed in.</p>
    <section class="card clock" aria-labelledby="ticker">
      <h2 id="ticker">Latest</h2>
      <p data-poll="/api/news" data-every="5000">Asking for news needs JavaScript.</p>
      <p class="figure">${timeLeft(remaining)} <span class="unit">seconds left</span></p>
    </section>`
  })
}

export function letterPage ({ user, messages, policy, remaining, letter }) {
  return layout({
    title: 'Letter',
    path: '/letter',
    user,
    messages,
    policy,
    remaining,
    body: html`<h1>A letter</h1>
    <p class="lead">Take your time. While you type, the page tells the server that you are there. Should your session end before you have saved,
      the page stays, covered, and you get it back as it was.</p>
    <form method="post" action="/letter" class="card" data-session-timeout-keep>
      <label for="letter">Your letter</label>
      <p class="hint" id="letter-hint">Up to 4,000 characters. What you save is kept in your session, and gone with it.</p>
      <textarea id="letter" name="letter" rows="12" maxlength="4000" aria-describedby="letter-hint">
${letter}</textarea>
      <div class="row"><button>Save</button> <p class="hint" data-needs-script hidden>${timeLeft(remaining)} seconds left</p></div>
    </form>`
  })
}

export function statementPage ({ user, messages, policy, remaining }) {
  return layout({
    title: 'Statement',
    path: '/statement',
    user,
    messages,
    policy,
    remaining,
    body: html`<h1>Statement</h1>
    <p class="lead">You see this because you signed in, or said that it is you, within the last ${describeDuration(policy.confirmWithin)}.
      Later you are asked again, and stay signed in meanwhile.</p>
    <section class="card">
      <dl>
        <div><dt>Account</dt><dd>NL00 DEMO 0123 4567 89</dd></div>
        <div><dt>Balance</dt><dd>1,234.56</dd></div>
      </dl>
    </section>`
  })
}

export function skippedPage ({ user, policy, skipped, remaining }) {
  return layout({
    title: 'Skipped ahead',
    user,
    policy,
    remaining,
    body: html`<h1>${describeDuration(skipped)} later</h1>
    <p class="lead">You have ${describeDuration(remaining)} left. Looking at this page did not extend that; the next one does, if it comes in time.</p>
    <p><a class="button" href="/account">Go on</a></p>`
  })
}

export function failurePage ({ user, title, message }) {
  return layout({ title, user, body: html`<h1>${title}</h1><p class="lead">${message}</p><p><a class="button" href="/">To the start page</a></p>` })
}

function timeLeft (remaining) {
  return html`<span data-time-left>${Math.ceil(remaining / 1000)}</span>`
}

function clockTime (instant) {
  const iso = new Date(instant).toISOString()
  return html`<time datetime="${iso}" data-local-time>${iso.slice(11, 19)} UTC</time>`
}
