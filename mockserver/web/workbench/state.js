// What the page knows: one object, and one way to change it.

export const VIEWS = ['requests', 'profiles', 'faults', 'worlds', 'numbers', 'reports']

/**
 * route: {view, rest: [string], query: URLSearchParams} of the address · link: 'loading' | 'live' | 'gone' | 'token'
 * rows: requests, the newest first · held: those that came while nobody wanted the list to move
 */
export const state = {
  route: { view: 'requests', rest: [], query: new URLSearchParams() },
  link: 'loading', goneSince: null, tries: 0, tokenRefused: false,
  world: sessionStorage.getItem('world') || 'default',
  rows: [], held: [], total: 0, dropped: 0, paused: false, scrolled: false, first: false,
  settings: {}, version: '', sign: 'mockserver sign', worlds: [], evictions: 0, clock: null, faults: 0, reports: [],
  patch: [], toast: '', news: '',
}

let redraw = () => {}
let planned = false

/** Change the state and draw once, however many changes come before the next picture. */
export function update(change) {
  Object.assign(state, change)
  if (planned) return
  planned = true
  // A hidden page gets no animation frames, yet has to keep up.
  const soon = document.hidden ? setTimeout : requestAnimationFrame
  soon(() => { planned = false; redraw() })
}

export function onUpdate(draw) { redraw = draw }

/** Read the address: #requests/0000002a?tab=answer. */
export function readRoute() {
  const [path, query = ''] = location.hash.slice(1).split('?')
  const [view, ...rest] = path.split('/')
  const known = VIEWS.includes(view) ? view : 'requests'
  return { view: known, rest: rest.map(part => { try { return decodeURIComponent(part) } catch { return part } }), query: new URLSearchParams(query) }
}

/** Return the address of a view, of one thing in it, and of how it is looked at. */
export function address(view, rest = [], query = {}) {
  const words = new URLSearchParams(Object.entries(query).filter(([, value]) => value))
  return '#' + [view, ...rest.map(encodeURIComponent)].join('/') + (words.size ? '?' + words : '')
}

/** Go to an address; `quietly` leaves no step behind for the browser's way back. */
export function go(hash, quietly = false) {
  if (quietly) history.replaceState(null, '', hash); else history.pushState(null, '', hash)
  update({ route: readRoute() })
}

let fading
export function say(text) {
  update({ toast: text })
  clearTimeout(fading)
  fading = setTimeout(() => update({ toast: '' }), 2400)
}
