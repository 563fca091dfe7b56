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

const links = [['/account', 'Your time'], ['/news', 'News'], ['/letter', 'Letter'], ['/statement', 'Statement']]

/**
 * @param {object} context who asks, and what for: see createContextOf in app.js
 * @param {object} page
 */
function layout ({ base = '', user, policy, bare, messages = {}, startedAt, expiresAt, remaining }, { title, path, body, wide }) {
  const withPlugin = base === ''
  // Beside each other, two headers need different names.
  const name = bare && html` aria-label="${title}"`
  return html`<!doctype html>
<html lang="en" data-base="${base}"${policy && html` data-now="${Date.now()}" data-started="${startedAt ?? ''}" data-ends="${expiresAt ?? ''}" data-idle="${ms(policy.idleTimeout)}" data-warn="${ms(policy.warnBefore)}"`}>
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <meta name="color-scheme" content="light dark">
  <title>${title} · Session timeout demo</title>
  <link rel="icon" href="/icon.svg" type="image/svg+xml">
  <link rel="stylesheet" href="/style.css">
  ${user && !wide && withPlugin && html`<script type="module" src="/session-timeout/client.js"></script>`}
  ${user && !wide && policy && html`<script type="module" src="/page.js"></script>`}
  ${policy && !bare && html`<script type="module" src="/panel.js"></script>`}
</head>
<body class="${wide ? 'wide' : bare ? 'bare' : 'page'}">
  <a class="skip" href="#main">Skip to content</a>
  <header${name}>
    <a class="brand" href="${base || '/'}"${bare && html` target="_top"`}><img src="/icon.svg" alt="" width="28" height="28"> Timeout demo</a>
    ${user
      ? html`${!wide && html`<nav${name || html` aria-label="Main"`}>${links.filter(([href]) => withPlugin || href === '/letter' || href === '/statement').map(([href, text]) => html`<a href="${base}${href}"${href === path && html` aria-current="page"`}>${text}</a>`)}</nav>`}
    <form method="post" action="${base}/logout"${withPlugin && !wide && html` data-sign-out`}${bare && html` target="_top"`}><button class="quiet">${wide ? 'Start over' : html`Sign out<span class="name"> ${user}</span>`}</button></form>`
      : path !== '/login' && html`<a class="button" href="${base}/login">Sign in</a>`}
  </header>
  <main id="main" tabindex="-1"${name}>
    ${messageList(messages)}
    ${body}
  </main>
  ${policy && !bare && panel({ base, user, policy, remaining })}
</body>
</html>
`
}

function messageList (messages) {
  return Object.entries(messages).flatMap(([type, texts]) => texts.map(text => html`<p class="message ${type}" role="${type === 'success' ? 'status' : 'alert'}">${text}</p>`))
}

/** Beside every page, on a phone a bar below it: a clock that can be set ahead, and what has happened. */
function panel ({ base, user, policy, remaining }) {
  const { idleTimeout, absoluteTimeout, warnBefore } = policy
  const rows = base === ''
    ? [['Away at most', idleTimeout], ['Signed in at most', absoluteTimeout], ['Warned before', warnBefore]]
    : [['cookie.maxAge', idleTimeout]]
  return html`<aside class="card panel" aria-label="Behind the scenes">
    ${user && html`<form method="post" action="${base}/skip" data-skip>
      <label for="clock">Drag the clock ahead</label>
      <input type="range" id="clock" data-clock hidden min="0" max="${seconds(idleTimeout)}" value="${seconds(idleTimeout) - Math.ceil(remaining / 1000)}">
      <p class="hint" data-left>${Math.ceil(remaining / 1000)} seconds left</p>
      <div class="row">
        ${base === '' && html`<button name="to" value="warning" class="roomy">Skip to the warning</button>`}
        <button name="to" value="end" class="roomy quiet">Skip to the end</button>
        <button name="to" value="next" class="narrow">Skip</button>
      </div>
    </form>`}
    <details open>
      <summary>Time line <span class="latest" data-latest></span></summary>
      <ol class="timeline" data-timeline><li class="hint">Needs JavaScript, as does the warning. The server signs you out without.</li></ol>
      <dl>${rows.map(([term, value]) => html`<div><dt>${term}</dt><dd>${describeDuration(value)}</dd></div>`)}</dl>
    </details>
  </aside>`
}

function ms (duration) {
  return parse(String(duration))
}

function seconds (duration) {
  return Math.round(ms(duration) / 1000)
}

/** Two tabs of one session, side by side, with the plugin and without. */
export function startPage (context) {
  const { base, user, policy } = context
  const [idle, absolute, warning] = [policy.idleTimeout, policy.absoluteTimeout, policy.warnBefore].map(describeDuration)
  const tabs = [['First tab: a bank statement', '/statement'], ['Second tab: a letter, not saved yet', '/letter?begun']]
  const choices = [['/', 'With the plugin'], ['/without', 'Without it']]
  return layout(context, {
    title: 'Welcome',
    path: '/',
    wide: true,
    body: html`<h1>Away too long, signed out</h1>
    <p class="lead">${base === ''
      ? html`This small site signs you out after <strong>${idle}</strong> without activity, and after <strong>${absolute}</strong> at the latest.
      It warns you <strong>${warning}</strong> before.`
      : html`The same pages without the plugin. The session cookie has a <code>maxAge</code> of <strong>${idle}</strong>, as on most sites.
      The server forgets the session, but the pages stay open for whoever comes by.`}</p>
    <nav class="switch" aria-label="The same two tabs">${choices.map(([href, text]) => html`<a href="${href}"${(base || '/') === href && html` aria-current="page"`}>${text}</a>`)}</nav>
    ${user
      ? html`<div class="tabs">${tabs.map(([name, path]) => html`<figure>
        <figcaption>${name}</figcaption>
        <iframe title="${name}" src="${base}${path}"></iframe>
      </figure>`)}</div>`
      : html`<form method="post" action="${base}/login" class="card">
        <p>Two tabs of one session, side by side, and a clock that you can drag instead of waiting.</p>
        <input type="hidden" name="name" value="Ada">
        <input type="hidden" name="returnTo" value="${base || '/'}">
        <div class="row"><button>Sign in as Ada</button> <a href="${base}/login">Sign in with any name</a></div>
      </form>`}
    <h2>What to try</h2>
    ${base === ''
      ? html`<ol class="steps">
      <li><strong>Drag the clock to the warning.</strong> Both tabs warn. Stay in one of them: the other closes its warning, too.</li>
      <li><strong>Drag it to the end.</strong> The statement is left. The letter is not saved, so its tab stays, but hidden.</li>
      <li><strong>Sign in again</strong> in the first tab, with the same name. The letter is back as it was. With another name it stays hidden.</li>
      <li><strong>Write on in the letter</strong> for more than ${idle}. Typing is you: you stay signed in, although you load no page.</li>
      <li><strong>Leave the <a href="/news">news</a> open.</strong> The page asks the server every few seconds. That is not you, so it does not keep you signed in.</li>
      <li><strong>Go back to the statement</strong> half a minute after you signed in: being signed in is not enough there, you are asked whether it is you.</li>
      <li><strong>Stay busy.</strong> After ${absolute} you are asked to sign in again, however busy you are. <a href="/account">See the time you have left</a></li>
    </ol>`
      : html`<ol class="steps">
      <li><strong>Drag the clock to the end.</strong> Nothing happens: no warning, and the statement stays in sight.</li>
      <li><strong>Then save the letter.</strong> You get a sign-in page that says nothing of why, and the letter is gone.</li>
      <li><strong><a href="/">Do the same with the plugin.</a></strong></li>
    </ol>`}`
  })
}

export function loginPage (context) {
  const { base, user, returnTo, problem, stale, ended, messages } = context
  if (stale) {
    return layout(context, {
      title: 'Confirm that it is you',
      path: '/login',
      body: html`<div class="card small">
      <h1>Is it you, ${user}?</h1>
      <p>You are still signed in, but that was a while ago, and the page that you asked for wants to be sure. A real site asks for your password here.</p>
      <form method="post" action="/account/confirm">
        <input type="hidden" name="returnTo" value="${returnTo}">
        <button>It is me</button>
      </form>
    </div>`
    })
  }
  // The page at the end of a session: it says why it is over, and is the way back.
  return layout(ended ? { ...context, messages: {} } : context, {
    title: problem ? 'Problem: sign in' : ended ? 'Your session is over' : 'Sign in',
    path: '/login',
    body: html`<div class="card small${ended && ' end'}">
      ${ended
        ? html`<img src="/icon.svg" alt="" width="64" height="64">
      <h1>Your session is over</h1>
      ${messageList(messages)}
      <p>${returnTo === '/session-timeout/resumed' ? 'What you entered is kept in the tab that you came from. Sign in with the same name to get it back.' : 'After you have signed in again, you are back on the page that you came from.'}</p>`
        : html`<h1>Sign in</h1>
      ${user && html`<p>You are signed in as <strong>${user}</strong>. Signing in again starts a new session.</p>`}`}
      <form method="post" action="${base}/login">
        <input type="hidden" name="returnTo" value="${returnTo}">
        <label for="name">Your name</label>
        <p class="hint" id="name-hint">Any name will do; there is no password in this demo.</p>
        ${problem && html`<p class="problem" id="name-problem">${problem}</p>`}
        <input id="name" name="name" autocomplete="username" maxlength="40" required aria-describedby="name-hint${problem && ' name-problem'}"${problem && html` aria-invalid="true"`}>
        <button>${ended ? 'Sign in again' : 'Sign in'}</button>
      </form>
    </div>`
  })
}

/** It tells the other tabs that the user is back, and closes itself: see page.js. */
export function resumedPage (context) {
  return layout(context, {
    title: 'You are signed in',
    body: html`<div class="card small end">
      <img src="/icon.svg" alt="" width="64" height="64">
      <h1>You are signed in</h1>
      <p data-close>Go on in the tab that you came from: it is as you left it. You can close this one.</p>
      <p><a href="/account">Go on here instead</a></p>
    </div>`
  })
}

export function accountPage (context) {
  const { user, remaining, startedAt, lastActivity, expiresAt } = context
  return layout(context, {
    title: 'Your time',
    path: '/account',
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
      <dl>
        <div><dt>Signed in</dt><dd>${clockTime(startedAt)}</dd></div>
        <div><dt>Last activity</dt><dd>${clockTime(lastActivity, 'last')}</dd></div>
        <div><dt>Ends, if nothing happens</dt><dd>${clockTime(expiresAt, 'end')}</dd></div>
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

const news = [
  ['The bridge is open again', 'After nine weeks the old bridge carries bicycles and buses again. Cars have to wait until spring.'],
  ['A heron in the fountain', 'It came on Monday, looked at the goldfish, and has not left. The town has put up a sign: please do not feed.'],
  ['Library now open on Sundays', 'From ten to four, with coffee. Books that are late can be left at the bakery, too.']
]

export function newsPage (context) {
  return layout(context, {
    title: 'News',
    path: '/news',
    body: html`<h1>News</h1>
    <p class="lead">This page asks the server for news every 5 seconds. Nobody is clicking, so it does not keep you signed in.</p>
    <section class="card" aria-labelledby="ticker">
      <h2 id="ticker">Latest</h2>
      <p data-poll="/api/news" data-every="5000">Asking for news needs JavaScript.</p>
      <p class="hint">${timeLeft(context.remaining)} seconds left</p>
    </section>
    ${news.map(([title, text]) => html`<article class="card"><h2>${title}</h2><p>${text}</p></article>`)}`
  })
}

const draft = `Dear Grace,

thank you for the moth. It is in my logbook now, beside the page on which the engine divides by nought. I have been meaning to ask you`

export function letterPage (context) {
  const { base, remaining, letter } = context
  return layout(context, {
    title: 'Letter',
    path: '/letter',
    body: html`<h1>A letter</h1>
    ${base === '' && html`<p class="lead">While you type, you stay signed in. Should your session end before you have saved, this page stays, hidden,
      and you get it back as it was.</p>`}
    <form method="post" action="${base}/letter" class="card" data-session-timeout-keep>
      <label for="letter">Your letter</label>
      <p class="hint" id="letter-hint">Up to 4,000 characters. What you save is kept in your session, and gone with it.</p>
      <textarea id="letter" name="letter" rows="8" maxlength="4000" aria-describedby="letter-hint"${context.draft && letter === '' && html` data-draft="${draft}"`}>
${letter}</textarea>
      <div class="row"><button>Save</button> ${base === '' && html`<p class="hint" data-needs-script hidden>${timeLeft(remaining)} seconds left</p>`}</div>
    </form>`
  })
}

const payments = [
  ['26 Nov', 'Rent', '-640.00'],
  ['24 Nov', 'Pharmacy', '-18.40'],
  ['23 Nov', 'Salary', '2,310.00'],
  ['21 Nov', 'Market', '-37.15']
]

export function statementPage (context) {
  const { base, policy } = context
  return layout(context, {
    title: 'Statement',
    path: '/statement',
    body: html`<h1>Statement</h1>
    ${base === '' && html`<p class="lead">You have signed in, or said that it is you, within the last ${describeDuration(policy.confirmWithin)}.
      Later, this page asks you again. You stay signed in meanwhile.</p>`}
    <section class="card">
      <dl>
        <div><dt>Account</dt><dd>NL00 DEMO 0123 4567 89</dd></div>
        <div><dt>Balance</dt><dd>1,234.56</dd></div>
      </dl>
      <table>
        <caption>Last payments</caption>
        <thead><tr><th scope="col">Day</th><th scope="col">For</th><th scope="col">Amount</th></tr></thead>
        <tbody>${payments.map(([day, what, amount]) => html`<tr><td>${day}</td><td>${what}</td><td>${amount.replace('-', '\u2212')}</td></tr>`)}</tbody>
      </table>
    </section>`
  })
}

export function skippedPage (context) {
  const { skipped, remaining } = context
  return layout(context, {
    title: 'Skipped ahead',
    body: html`<h1>${describeDuration(skipped)} later</h1>
    <p class="lead">You have ${describeDuration(remaining)} left. Looking at this page did not extend that; the next one does, if it comes in time.</p>
    <p><a class="button" href="/account">Go on</a></p>`
  })
}

export function failurePage ({ user, title, message }) {
  return layout({ user }, { title, body: html`<h1>${title}</h1><p class="lead">${message}</p><p><a class="button" href="/">To the start page</a></p>` })
}

function timeLeft (remaining) {
  return html`<span data-time-left>${Math.ceil(remaining / 1000)}</span>`
}

/** @param {string} [what] which of the session's times, for page.js, which keeps it up to date */
function clockTime (instant, what) {
  const iso = new Date(instant).toISOString()
  return html`<time datetime="${iso}" data-local-time="${what}">${iso.slice(11, 19)} UTC</time>`
}
