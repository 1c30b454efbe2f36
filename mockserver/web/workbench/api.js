// The control surface: one way to ask it, and the loops that keep the page up to date.
import { state, update } from './state.js'

const BASE = new URL('..', import.meta.url)
const MOST_ROWS = 2000
const FEW_ROWS = 150   // what comes between two polls at 200 a second
const WAIT_S = 20
const PAUSE_MS = 700

/** What the control surface refused: `message`, and beside it `status`, `hint` and `reason`. */
export class Refusal extends Error {
  constructor(status, answer) {
    super(answer.error || `The server answered ${status}.`)
    Object.assign(this, { status, hint: answer.hint || '', reason: answer.reason || '', answer })
  }
}

export const part = encodeURIComponent

/** Ask the control surface. `world` is a name or '*' for all; the answer is JSON, or text if `text` is set. */
export async function ask(method, path, { body, world = state.world, query = {}, text = false, signal } = {}) {
  const url = new URL(path, BASE)
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
// Whether more come than somebody can watch, or may have come before: then the newest few stand for all, until it is
// 'over' or one looks closer.
let rush = false
// Another server may give an id anew.
export let reading = 0
let waiting = new AbortController()

/** Forget what was read and read the journal anew, as another world or a new server asks for. */
export function readAnew({ keep = false } = {}) {
  since = null
  rush = false
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
      const few = watching() && rush !== 'over', all = since === null || !!rush
      const query = { view: 'rows', limit: few ? FEW_ROWS : MOST_ROWS, ...(!all && { since, wait: WAIT_S }) }
      const answer = await ask('GET', 'requests', { query, signal: waiting.signal })
      if (mine !== reading) return
      if (failures) return readAnew({ keep: true })   // it may be another server by now
      rush = few && (!all ? answer.rows.length === FEW_ROWS : since === null || answer.last === since ? 'over' : true)
      if (rush && !all) continue
      take(answer, all)
      if (answer.rows.length || !answer.waiting) await pause(PAUSE_MS)
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

/** Whether somebody sees the newest requests go by, and looks for none. */
function watching() {
  const { query } = state.route
  return !state.paused && !state.scrolled && !['q', 'status', 'reason', 'odd'].some(name => query.get(name))
}

function take(answer, all) {
  const initial = since === null, rows = answer.rows.toReversed(), at = id => rows.findIndex(row => row.id === id)
  const fresh = at(since) < 0 ? rows : rows.slice(0, at(since)), quiet = !state.paused && !state.scrolled
  since = answer.last || since || '00000000'
  // The journal forgets its oldest first, and all at once when somebody clears it.
  const kept = rows => rows.slice(0, Math.min(MOST_ROWS, answer.meta.total))
  const change = { link: 'live', goneSince: null, tries: 0, total: answer.meta.total, dropped: answer.dropped }
  // What is being read stays where it is.
  const top = all && !initial && !quiet ? at(state.rows[0]?.id) : 0
  if (all && top >= 0) Object.assign(change, { rows: rows.slice(top), held: rows.slice(0, top) })
  else if (quiet) Object.assign(change, { rows: kept([...fresh, ...state.held, ...state.rows]), held: [] })
  else Object.assign(change, { held: kept([...fresh, ...state.held]), rows: kept(state.rows) })
  if (fresh.length && !initial) tell(fresh)
  if (fresh.length || all || state.link !== 'live' || answer.meta.total !== state.total) update(change)
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

/** Read worlds with their clocks, settings and reports again; views that follow the requests do so at this pace. */
export async function lookAround() {
  clearTimeout(looking)
  try {
    const names = ['namespaces', 'reports', 'settings']
    const [{ namespaces: worlds, evictions, machineNow }, reports, settings] = await Promise.all(names.map(name => ask('GET', name, { world: '' })))
    const here = worlds.filter(world => state.world === '*' || world.name === state.world)
    const clock = state.world === '*' ? null : { ...here[0]?.clock || { now: machineNow, frozen: false, offsetSeconds: 0 }, machineNow, readAt: Date.now() }
    update({ worlds, evictions, clock, faults: here.reduce((sum, world) => sum + world.faults, 0), reports, settings, looked: since })
  } catch { /* the journal's loop tells that the server is gone */ }
  clearTimeout(looking)
  looking = setTimeout(async () => { await visible(); if (state.link !== 'token') lookAround() }, LOOK_MS)
}

/** Read once what doesn't change while a server runs. */
export async function readVersion() {
  try {
    const { version, sign } = await ask('GET', 'version', { world: '' })
    update({ version, sign })
  } catch { /* asked again with the token, or when the server is back */ }
}

export function chooseWorld(world) {
  sessionStorage.setItem('world', world)
  update({ world, clock: null })
  readAnew()
}
