// The control surface: one way to ask it, and the loops that keep the page up to date.
import { rowsOf } from './entries.js'
import { state, update } from './state.js'

const BASE = new URL('..', import.meta.url)
const MOST_ROWS = 2000
const WAIT_S = 20
const PAUSE_MS = 500

/** What the control surface refused: `message`, and beside it `status`, `hint` and `reason`. */
export class Refusal extends Error {
  constructor(status, answer) {
    super(answer.error || `The server answered ${status}.`)
    Object.assign(this, { status, hint: answer.hint || '', reason: answer.reason || '', answer })
  }
}

export const part = encodeURIComponent

let offered = null

/** Read what this server offers, so that a view can say in words what is missing instead of asking in vain. */
export async function readOffers() {
  const { endpoints } = await ask('GET', '../__admin', { world: '' })
  offered = endpoints.map(({ method, path }) => new RegExp(`^${method} ${path.replace(/\{\w+\}/g, '[^/]+')}$`))
}

export const offers = asked => offered === null || offered.some(one => one.test(asked))

/** Ask the control surface. `world` is a name or '*' for all; the answer is JSON, or text if `text` is set. */
export async function ask(method, path, { body, world = state.world, query = {}, text = false, signal } = {}) {
  const url = new URL(path, BASE)
  if (!offers(`${method} ${url.pathname}`)) throw new Refusal(404, { error: `This server has no ${url.pathname}.` })
  for (const [name, value] of Object.entries(query)) if (value !== undefined && value !== '') url.searchParams.set(name, value)
  if (world === '*') url.searchParams.set('all', 'true')
  else if (world && world !== 'default') url.searchParams.set('namespace', world)
  const token = sessionStorage.getItem('admin-token')
  const headers = { ...(body !== undefined && { 'Content-Type': 'application/json' }), ...(token && { Authorization: `Bearer ${token}` }) }
  const answer = await fetch(url, { method, headers, body: body === undefined ? undefined : JSON.stringify(body), cache: 'no-store', signal })
  if (answer.status === 401) update({ link: 'token', tokenRefused: token !== null })
  if (!answer.ok) throw new Refusal(answer.status, await answer.json().catch(() => ({})))
  return text ? answer.text() : answer.json()
}

const pause = ms => new Promise(done => setTimeout(done, ms))
const visible = () => new Promise(done => {
  if (!document.hidden) return done()
  document.addEventListener('visibilitychange', () => done(), { once: true })
})

// -- the journal, live

let since = null
// Another server may give an id anew.
export let reading = 0
let waiting = new AbortController()

/** Forget what was read and read the journal anew, as another world or a new server asks for. */
export function readAnew({ keep = false } = {}) {
  since = null
  reading += 1
  waiting.abort()
  waiting = new AbortController()
  if (!keep) update({ rows: [], held: [], total: 0 })
  follow(reading)
  lookAround()
}

async function follow(mine) {
  for (let failures = 0; mine === reading;) {
    await visible()
    try {
      const query = { view: 'rows', limit: MOST_ROWS, ...(since && { since, wait: WAIT_S }) }
      const answer = await ask('GET', 'requests', { query, signal: waiting.signal })
      if (mine !== reading) return
      if (failures) return readAnew({ keep: true })   // it may be another server by now
      const rows = answer.rows || rowsOf(answer.requests)
      take(answer, rows)
      if (rows.length || !answer.waiting) await pause(PAUSE_MS)
    } catch (problem) {
      if (mine !== reading) return
      if (problem instanceof Refusal && problem.status === 401) return
      failures += 1
      await lost(failures, problem)
    }
  }
}

async function lost(failures, problem) {
  const told = problem instanceof Refusal ? `${problem.message} ${problem.hint}` : ''
  update({ link: 'gone', goneSince: state.goneSince || new Date(), tries: failures, goneWhy: told })
  await Promise.race([pause(Math.min(8000, 500 * 2 ** failures)), new Promise(done => { tryNow = done })])
}

export let tryNow = () => {}

function take(answer, rows) {
  const fresh = rows.toReversed()
  const initial = since === null
  since = fresh[0]?.id || since || '00000000'
  // The journal forgets its oldest first, and all at once when somebody clears it.
  const kept = rows => rows.slice(0, Math.min(MOST_ROWS, answer.meta.total))
  const change = { link: 'live', goneSince: null, tries: 0, total: answer.meta.total, dropped: answer.dropped }
  if (initial) Object.assign(change, { rows: fresh, held: [] })
  else if (state.paused || state.scrolled) Object.assign(change, { held: kept([...fresh, ...state.held]), rows: kept(state.rows) })
  else Object.assign(change, { rows: kept([...fresh, ...state.held, ...state.rows]), held: [] })
  if (fresh.length && !initial) tell(fresh)
  if (fresh.length || initial || state.link !== 'live' || answer.meta.total !== state.total) update(change)
  if (fresh.some(row => state.clock && row.world === state.world && row.frozen !== state.clock.frozen)) lookAround()
}

/** Let the rows that were held back into the list. */
export function release() {
  if (state.held.length) update({ rows: [...state.held, ...state.rows].slice(0, MOST_ROWS), held: [] })
}

const ANNOUNCE_MS = 5000
let unspoken = []
let speaking = 0

function tell(fresh) {
  unspoken.unshift(...fresh)
  clearTimeout(speaking)
  speaking = setTimeout(() => {
    const [row] = unspoken, what = unspoken.length > 1 ? `${unspoken.length} new requests, the last` : 'New request:'
    update({ news: `${what} ${row.status ?? row.connection} ${row.reason}, ${row.alternateIdType}/${row.alternateId}` })
    unspoken = []
    tell.last = Date.now()
  }, Math.max(0, (tell.last || 0) + ANNOUNCE_MS - Date.now()))
}

// -- what stands round every view

const LOOK_MS = 3000
let looking = 0

/** Read clock, worlds, faults and reports again. */
export async function lookAround() {
  clearTimeout(looking)
  try {
    const one = state.world === '*' ? undefined : state.world
    const [worlds, clock, faults, reports] = await Promise.all([
      ask('GET', 'namespaces', { world: '' }), one ? ask('GET', 'clock') : null, ask('GET', 'faults'), ask('GET', 'reports', { world: '' }).catch(() => []),
    ])
    update({ worlds: worlds.namespaces, evictions: worlds.evictions, clock: clock && { ...clock, readAt: Date.now() }, faults: faults.faults.length, reports })
  } catch { /* the journal's loop tells that the server is gone */ }
  clearTimeout(looking)
  looking = setTimeout(async () => { await visible(); if (state.link !== 'token') lookAround() }, LOOK_MS)
}

/** Read once what doesn't change while a server runs. */
export async function readSettings() {
  try {
    const [settings, version] = await Promise.all([ask('GET', 'settings', { world: '' }), ask('GET', 'version', { world: '' })])
    update({ settings, version: version.version })
  } catch { /* asked again with the token, or when the server is back */ }
}

export function chooseWorld(world) {
  sessionStorage.setItem('world', world)
  update({ world, clock: null })
  readAnew()
}
