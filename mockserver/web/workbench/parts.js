// What several views draw with. Every value is text to Preact: nothing that a profile holds is ever markup.
import { html, useEffect, useRef, useState } from './vendor/htm-preact.js'
import { say } from './state.js'

export { html, useEffect, useRef, useState }

// -- text

// What turns the direction of writing, or can't be seen, is written as JSON may write it.
const UNSEEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060\u2066-\u2069\ufeff]/g
export const seen = text => String(text ?? '').replace(UNSEEN, c => '\\u' + c.charCodeAt(0).toString(16).padStart(4, '0'))

/** JSON on one line, with spaces as people write it. */
export function json(value) {
  if (Array.isArray(value)) return '[' + value.map(json).join(', ') + ']'
  if (value && typeof value === 'object') return '{' + Object.entries(value).map(([k, v]) => `${JSON.stringify(k)}: ${json(v)}`).join(', ') + '}'
  return value === undefined ? '' : JSON.stringify(value)
}

/** Indent JSON or XML without touching a token: numbers, escapes and members that stand twice stay as they were sent. */
export function pretty(text) {
  if (/^\s*</.test(text)) return prettyXml(text)
  let depth = 0
  const line = () => '\n' + '  '.repeat(Math.max(0, depth))
  const indented = text.replace(/"(?:[^"\\]|\\.)*"|[[{]\s*[\]}]|[[{\]},:]|\s+|[^\s"[{\]},:]+/g, token => {
    if (token === '{' || token === '[') { depth += 1; return token + line() }
    if (token === '}' || token === ']') { depth -= 1; return line() + token }
    if (token === ',') return ',' + line()
    return token === ':' ? ': ' : /^\s+$/.test(token) ? '' : token
  })
  return depth === 0 ? indented : text
}

function prettyXml(text) {
  let depth = 0
  return text.replace(/>\s*</g, '>\n<').split('\n').map(line => {
    if (/^<\//.test(line)) depth -= 1
    const shown = '  '.repeat(Math.max(0, depth)) + line
    if (/^<[^/?!][^>]*[^/]>$/.test(line) || /^<[^/?!]>$/.test(line)) depth += 1
    return shown
  }).join('\n')
}

const SHORT = 2000
/** A text that may be very long: its beginning, and more when asked for. */
export function Long({ text, most = SHORT }) {
  const [shown, show] = useState(most)
  const all = seen(text.length > shown ? text.slice(0, shown) : text)
  return html`${all}${text.length > shown && html`<span class="quiet">… <button class="b bare" onClick=${() => show(shown + 20000)}>${number(text.length - shown)} more characters</button></span>`}`
}

export const Json = ({ value }) => html`<${Long} text=${json(value)} />`

/** What the mock says of an answer, without the rule and the mark, which stand beside it. */
export const told = (text, reason) => (text || '').split(` (${reason}: `)[0].replace(/ \[\w+\]$/, '')

// -- numbers, times

export const number = n => Number(n).toLocaleString('en-US')
export const bytes = n => n == null ? '' : n < 1000 ? `${n} B` : n < 1e6 ? `${(n / 1e3).toFixed(n < 1e4 ? 1 : 0)} kB` : `${(n / 1e6).toFixed(1)} MB`
export const plural = (n, one, many = one + 's') => `${number(n)} ${n === 1 ? one : many}`
export const clockTime = iso => iso ? iso.slice(11, 19) : ''
export const day = iso => iso ? iso.slice(0, 10) : ''
export const ago = (iso, now = Date.now()) => {
  const s = Math.round((now - Date.parse(iso)) / 1000)
  return !iso ? '' : s < 5 ? 'now' : s < 90 ? `${s} s ago` : s < 5400 ? `${Math.round(s / 60)} min ago` : `${Math.round(s / 3600)} h ago`
}
const tone = status => status == null ? 'bad' : status < 300 ? 'ok' : status < 500 ? 'warn' : 'bad'

/** A span of seconds in words. */
export function span(seconds) {
  const s = Math.abs(Math.round(seconds)), units = [['d', 86400], ['h', 3600], ['min', 60], ['s', 1]]
  const first = units.findIndex(([, size]) => s >= size)
  if (first < 0) return '0 s'
  const [[big, size], next] = [units[first], units[first + 1]]
  const rest = next && Math.floor(s % size / next[1])
  return `${Math.floor(s / size)} ${big}${rest ? ` ${rest} ${next[0]}` : ''}`
}

// -- signs

const ICONS = { fault: 'M8 1 3 8h4l-1 5 5-7H7z', tolerated: 'M2 7c2-4 3 4 5 0s3 4 5 0', frozen: 'M5 3v8M9 3v8', saved: 'M2 7l3 3 7-7', close: 'M3 3l8 8M11 3l-8 8' }
export const Icon = ({ name, label }) => html`<svg class="i" viewBox="0 0 14 14" role=${label ? 'img' : undefined} aria-label=${label} aria-hidden=${label ? undefined : 'true'}>
  <path d=${ICONS[name]} /></svg>`
const MARKS = {
  fault: 'a planned fault struck', saved: 'the patch was saved although the answer says it failed',
  tolerated: 'tolerated: a strict server would refuse this', frozen: 'the world’s clock stood still',
}
export const Mark = ({ name, label = MARKS[name] }) => html`<span title=${label}><${Icon} name=${name} label=${label} /></span>`
export const PROVENANCES = {
  documented: 'the vendor’s pages say so', library: 'the vendor’s software did so when run, or its source says so',
  assumed: 'our choice, nobody told us', mock: 'the mock’s own; the real API has nothing like it',
}
export const Provenance = ({ mark }) => mark && html`<span class="prov ${mark === 'assumed' ? 'assumed' : ''}" title=${PROVENANCES[mark]}>${mark}</span>`
export const Chip = ({ op, path, refused }) => html`<span class="chip ${refused ? 'hit' : ''}" title=${seen(path).slice(0, 300)}><b>${seen(op)}</b> ${seen(path).slice(0, 300)}</span>`
export const Status = ({ status, connection }) => html`<span class="st ${tone(status)}" title=${connection}>${status ?? connection ?? '–'}</span>`

// -- what is done with the hand

export async function copy(text) {
  try { await navigator.clipboard.writeText(text) } catch {
    // Without TLS a browser has no clipboard but this one.
    const area = Object.assign(document.createElement('textarea'), { value: text })
    const place = document.querySelector('dialog[open]') || document.body
    place.append(area); area.select(); document.execCommand('copy'); area.remove()
  }
  say('Copied')
}

/** What the server said against it, and what to do. */
export const refused = ({ message, hint }) => [message, hint].filter(Boolean).join(/\W$/.test(message) ? ' ' : '; ')

/** Do something and say what the server said against it. */
export async function attempt(action, done = '') {
  try { const value = await action(); if (done) say(done); return value } catch (problem) { say(refused(problem)) }
}

/** A button; `sure` asks once, in place, for what can't be undone. */
export function Button({ kind = '', sure = false, onClick, children, ...rest }) {
  const [asked, ask] = useState(false)
  useEffect(() => { if (asked) { const timer = setTimeout(() => ask(false), 3000); return () => clearTimeout(timer) } }, [asked])
  const click = event => { if (sure && !asked) return ask(true); ask(false); onClick?.(event) }
  return html`<button type="button" class="b ${kind} ${asked ? 'bad' : ''}" onClick=${click} ...${rest}>${asked ? 'Sure?' : children}</button>`
}

export const CopyBox = ({ text, label }) => html`<div class="copybox"><pre tabindex="0" role="region" aria-label=${label}>${seen(text)}</pre><${Button} onClick=${() => copy(text)}>Copy<//></div>`

export const quoted = text => `'${text.replaceAll("'", "'\\''")}'`

/** Offer a text as a file. */
export function save(text, name, type = 'application/json') {
  const link = Object.assign(document.createElement('a'), { href: URL.createObjectURL(new Blob([text], { type })), download: name })
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), 1000)
}

/** Tabs with arrow keys; `tabs` is {key: label}. */
export function Tabs({ tabs, chosen, choose, label, panel }) {
  const keys = Object.keys(tabs)
  const step = event => {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key]
    if (!by) return
    const next = keys[(keys.indexOf(chosen) + by + keys.length) % keys.length]
    choose(next)
    requestAnimationFrame(() => document.getElementById(`${panel}-${next}`)?.focus())
  }
  return html`<div class="tabs" role="tablist" aria-label=${label} onKeyDown=${step}>${keys.map(key => html`
    <button key=${key} role="tab" id=${`${panel}-${key}`} aria-controls=${panel} aria-selected=${String(key === chosen)} tabindex=${key === chosen ? 0 : -1} onClick=${() => choose(key)}>
      ${tabs[key]}</button>`)}</div>`
}

export const Segments = ({ label, choices, chosen, choose }) => html`<span class="seg" role="group" aria-label=${label}>${choices.map(([value, name]) => html`
  <${Button} key=${value} aria-pressed=${String(value === chosen)} onClick=${() => choose(value)}>${name}<//>`)}</span>`

/** A body, pretty or raw. */
export function Body({ text, label, children }) {
  const [raw, setRaw] = useState(false)
  return html`<div class="block"><div class="row"><h3>${label}</h3><span class="quiet">${plural(new Blob([text]).size, 'byte')}</span>${children}
    <span class="push row tight"><${Segments} label="Show the body" choices=${[[false, 'Pretty'], [true, 'Raw']]} chosen=${raw} choose=${setRaw} />
      <${Button} kind="bare" onClick=${() => copy(text)}>Copy<//></span></div>
    ${text ? html`<pre class="cut" tabindex="0" role="region" aria-label=${label}><${Long} key=${String(raw)} text=${raw ? text : pretty(text)} most=${20000} />
      </pre>` : html`<p class="soft">Empty.</p>`}</div>`
}

export const Pairs = ({ pairs }) => html`<dl class="kv">${pairs.map(([name, value]) => html`<dt>${seen(name)}</dt><dd><${Long} text=${String(value)} /></dd>`)}</dl>`

const line = (kind, sign, value) => html`<div class=${kind}><i></i><span class="s">${sign}</span><span class="t"><${Json} value=${value} /></span></div>`
/** What differs: a path, what stood there, what stands there. */
export const Difference = ({ rows, label = 'What changed in the profile' }) => html`<div class="hunk" role="group" aria-label=${label}>${rows.map(row => html`
  <span class="at"><bdi>${seen(row.path)}</bdi></span>
    ${row.before !== undefined && row.before !== null && line('minus', '−', row.before)}${row.after !== undefined && row.after !== null && line('plus', '+', row.after)}`)}</div>`

/**
 * Something read from the server: [what came, the problem, read again]. It is read again whenever `key` changes;
 * `keep` shows what was known until the next answer is there.
 */
export function useAnswer(read, key, keep = false) {
  const [known, know] = useState({ key: null }), current = useRef()
  current.current = key
  const again = () => read().then(value => current.current === key && know({ key, value }), problem => current.current === key && know({ key, problem }))
  useEffect(() => { if (key !== null) again() }, [key])
  const fits = keep || known.key === key
  return [fits ? known.value : undefined, fits ? known.problem : undefined, again]
}

export const Problem = ({ problem }) => problem && html`<p class="say bad" role="alert">${seen(problem.message)} <span class="soft">${seen(problem.hint)}</span></p>`

/** Ask for one world where a view can't show several. */
export const OneWorld = ({ what }) => html`<div class="page"><p class="say">Choose one world above: ${what} belong to a world.</p></div>`
