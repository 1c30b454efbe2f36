// The frame: address, keys, connection, and the view that is chosen.
import { chooseWorld, readAnew, readVersion, tryNow } from './api.js'
import { chooseTab, copyAs } from './detail.js'
import { Faults } from './faults.js'
import { openRequest } from './filter.js'
import { Numbers } from './numbers.js'
import { Button, Icon, clockTime, day, html, plural, seen, span, useEffect, useState } from './parts.js'
import { Profiles } from './profiles.js'
import { Reports } from './reports.js'
import { Requests, moveChoice, toggleFollow, toggleOdd } from './requests.js'
import { VIEWS, address, go, onUpdate, readRoute, state, update } from './state.js'
import { render } from './vendor/htm-preact.js'
import { Worlds } from './worlds.js'

const SHOWN = { requests: Requests, profiles: Profiles, faults: Faults, worlds: Worlds, numbers: Numbers, reports: Reports }
const NAMES = { requests: 'Requests', profiles: 'Profiles', faults: 'Faults', worlds: 'Worlds and clock', numbers: 'Numbers', reports: 'Reports' }

// -- the top bar

function ClockChip() {
  // The server's clock goes on between two readings.
  const [, tick] = useState(0), { clock, world } = state
  useEffect(() => { const timer = setInterval(() => tick(n => n + 1), 1000); return () => clearInterval(timer) }, [])
  if (world === '*') {
    const frozen = state.worlds.filter(one => one.clock?.frozen).length
    return html`<a class="b clock ${frozen ? 'frozen' : ''}" href="#worlds">${frozen > 0 && html`<${Icon} name="frozen" />`}${frozen} of ${plural(state.worlds.length, 'clock')} frozen</a>`
  }
  if (!clock) return null
  const now = clock.frozen ? clock.now : new Date(Date.parse(clock.now) + (Date.now() - clock.readAt)).toISOString()
  const off = !clock.frozen && Math.abs(clock.offsetSeconds) >= 1 ? `, ${span(clock.offsetSeconds)} ${clock.offsetSeconds > 0 ? 'ahead' : 'behind'}` : ''
  return html`<a class="b clock ${clock.frozen ? 'frozen' : ''}" id="clockchip" href="#worlds"><span class="sr">Clock of world ${world}: </span>
    ${clock.frozen && html`<${Icon} name="frozen" />`}<span class="wide">${day(now)}</span> <span>${clockTime(now)}${clock.frozen ? ' frozen' : off}</span></a>`
}

function Top() {
  const names = [...new Set(['default', ...state.worlds.map(world => world.name), state.world])].filter(name => name !== '*')
  const { settings } = state, facts = [['dialect', settings.dialect], ['auth', settings.auth], ['seed', settings.seed], ['store', String(settings.store || '').split(':')[0]]]
  return html`<header class="top"><span class="brand">MyPreferences<span> mock ${state.version}</span></span>
    <span class="row tight nowrap"><label for="world" class="wide">World</label><select id="world" aria-label="World" value=${state.world} onChange=${event => chooseWorld(event.target.value)}>
      ${names.map(name => html`<option value=${name}>${seen(name).slice(0, 60)}</option>`)}<option value="*">all worlds</option></select></span>
    <${ClockChip} /><span class="facts">${facts.filter(([, value]) => value !== undefined && value !== '').map(([name, value]) => html`<span>${name} <b>${String(value)}</b></span>`)}</span>
    <span class="push row tight nowrap"><span class="conn ${state.link}" id="conn" role="status"><span>
      ${{ live: `live on ${location.host}`, gone: 'reconnecting', loading: 'connecting', token: '' }[state.link]}</span></span>
      <${Button} kind="bare" id="scheme" aria-label="Switch between light and dark" onClick=${switchScheme}><svg class="i" viewBox="0 0 14 14" aria-hidden="true"><circle cx="7" cy="7" r="5" />
        <path d="M7 2a5 5 0 0 0 0 10z" fill="currentColor" /></svg><//>
      <${Button} kind="bare" id="helpb" aria-label="Help and keys" onClick=${showHelp}><kbd>?</kbd><//></span></header>`
}

function switchScheme() {
  const root = document.documentElement.dataset
  root.scheme = (root.scheme || (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light')) === 'dark' ? 'light' : 'dark'
  localStorage.setItem('scheme', root.scheme)
}

const Gone = () => html`<div class="note" id="gone" role="alert"><b>No answer from ${location.host} since ${state.goneSince.toTimeString().slice(0, 8)}.</b>
  <span class="soft">${state.goneWhy ? seen(state.goneWhy) : `What you see is what was known then. Tried ${plural(state.tries, 'time')}; nothing you do here is sent until it answers.`}</span>
    <${Button} kind="push" onClick=${() => tryNow()}>Try now<//></div>`

function Rail() {
  const broken = state.reports.filter(report => /broken|drift/i.test(report.verdict || '')).length
  const changed = state.worlds.filter(world => world.name === state.world || state.world === '*').reduce((sum, world) => sum + world.changedProfiles, 0)
  const counts = { requests: state.total || '', profiles: changed ? `±${changed}` : '', faults: state.faults || '', worlds: state.worlds.length > 1 ? state.worlds.length : '', reports: broken ? `${broken} broken` : state.reports.length || '' }
  return html`<nav class="rail" aria-label="Views"><ul>${VIEWS.map(view => html`<li><a href=${'#' + view} aria-current=${view === state.route.view ? 'page' : undefined}><span>
    ${view === 'worlds' ? html`Worlds<span class="long"> & clock</span>` : NAMES[view]}</span> <span class="n">${counts[view]}</span></a></li>`)}</ul></nav>`
}

const help = document.getElementById('help'), letters = document.getElementById('letters')
const showHelp = () => help.showModal()

// -- the token

const asking = document.getElementById('token')
asking.addEventListener('cancel', event => event.preventDefault())
asking.addEventListener('submit', () => {
  sessionStorage.setItem('admin-token', document.getElementById('tok').value)
  update({ link: 'loading' })
  start()
})

function askForToken() {
  document.getElementById('tokerr').hidden = !state.tokenRefused
  document.getElementById('tok').setAttribute('aria-invalid', String(state.tokenRefused))
  if (!asking.open) asking.showModal()
}

function App() {
  const { link, route } = state, View = SHOWN[route.view], asked = link === 'token'
  useEffect(() => { if (asked) askForToken() }, [asked])
  return html`<a class="skip" href="#main" onClick=${event => { event.preventDefault(); document.getElementById('main').focus() }}>Skip to the view</a>
    <${Top} />${link === 'gone' && html`<${Gone} />`}<${Rail} />
    <main id="main" tabindex="-1">${!asked && html`<section class="view ${route.view}" aria-label=${NAMES[route.view]}><h1 class="sr">${NAMES[route.view]}</h1>
      <${View} key=${route.view + state.world} /></section>`}</main>
    <p class="sr" aria-live="polite" id="news">${state.news}</p>
    <div class="toast" role="status" hidden=${!state.toast}>${seen(state.toast)}</div>`
}

// -- keys

const open = () => state.route.view === 'requests' && state.route.rest[0]
const onRequests = action => () => { if (state.route.view === 'requests') action() }
const LETTERS = {
  '?': showHelp, '/': () => document.querySelector('main input[type=search]')?.focus(),
  j: onRequests(() => moveChoice(1)), k: onRequests(() => moveChoice(-1)), s: onRequests(toggleOdd), p: onRequests(toggleFollow),
  c: () => { if (open()) copyAs(open(), 'curl') }, t: () => { if (open()) { chooseTab('try'); update({ tryAtOnce: true }) } },
}

function escape(typing, target) {
  if (typing) return target.blur()
  const id = open()
  if (!id) return
  openRequest('')
  requestAnimationFrame(() => requestAnimationFrame(() => document.querySelector(`[data-id="${CSS.escape(id)}"] .open`)?.focus()))
}

document.addEventListener('keydown', event => {
  const { target, key } = event, typing = target.matches?.('input:not([type=checkbox], [type=radio]), select, textarea')
  if (document.querySelector('dialog[open]')) return
  if (key === 'Escape') return escape(typing, target)
  if (key === 'Enter' && target.matches?.('.list .open')) return setTimeout(() => document.getElementById('detail')?.focus(), 50)
  if (typing || event.metaKey || event.ctrlKey || event.altKey || !letters.checked) return
  const action = LETTERS[key] || (VIEWS[key - 1] && (() => go('#' + VIEWS[key - 1])))
  if (action) { event.preventDefault(); action() }
})

// -- start

function start() {
  readVersion()
  readAnew()
}

function draw() {
  document.title = `${NAMES[state.route.view]} · MyPreferences mock`
  render(html`<${App} />`, document.getElementById('app'))
}

letters.checked = localStorage.getItem('letters') !== 'off'
letters.addEventListener('change', () => localStorage.setItem('letters', letters.checked ? 'on' : 'off'))
const scheme = localStorage.getItem('scheme')
if (scheme) document.documentElement.dataset.scheme = scheme
onUpdate(draw)
for (const event of ['hashchange', 'popstate']) addEventListener(event, () => { if (location.hash !== '#main') update({ route: readRoute() }) })
update({ route: readRoute() })
start()
