// The requests as they come: a list, its filter, and beside it the one that is open.
import { ask, readAnew, release } from './api.js'
import { Detail } from './detail.js'
import { filterOf, openRequest, setFilter, shownRows } from './filter.js'
import { FirstVisit } from './firstvisit.js'
import { Button, Chip, Mark, Segments, Status, attempt, bytes, clockTime, html, number, save, seen, useEffect, useRef, useState } from './parts.js'
import { state, update } from './state.js'

const MANY = 500   // above that many, the visible rows alone are drawn

export function toggleOdd() { setFilter({ odd: state.route.query.get('odd') ? '' : '1' }) }
export function toggleFollow() {
  update({ paused: !state.paused && !state.scrolled, scrolled: false })
  document.getElementById('list')?.scrollTo(0, 0)
  if (!state.paused) release()
}

/** Move the choice by a step, and keep it in sight. */
export function moveChoice(step) {
  const rows = shownRows(), at = rows.findIndex(row => row.id === state.route.rest[0])
  const next = rows[Math.max(0, Math.min(rows.length - 1, at < 0 ? 0 : at + step))]
  if (!next) return
  openRequest(next.id, true)
  const list = document.getElementById('list'), height = rowHeight(list), index = rows.indexOf(next), head = list.querySelector('thead')?.offsetHeight || 0
  if (index * height < list.scrollTop) list.scrollTop = index * height
  else if ((index + 1) * height + head > list.scrollTop + list.clientHeight) list.scrollTop = (index + 1) * height + head - list.clientHeight
  requestAnimationFrame(() => requestAnimationFrame(() => list.querySelector(`[data-id="${next.id}"] .open`)?.focus({ preventScroll: true })))
}

// -- the list

const rowHeight = list => list?.querySelector('tr[data-id]')?.offsetHeight || 31

function operationsCell(row) {
  // The refused operation first: it decided.
  const sorted = row.ops.map((one, index) => ({ ...one, refused: index === row.refused })).sort((a, b) => b.refused - a.refused)
  const [first, ...rest] = sorted.slice(0, 3), more = row.opsTotal - 1
  const none = row.method !== 'PATCH' ? '' : row.reason === 'xml-without-operations' ? 'XML, no operation' : row.status === 401 ? 'not read' : row.status === 200 ? '[]' : 'no operation read'
  return html`${row.method !== 'PATCH' && html`<span class="verb">${row.method}</span>`}${first ? html`<${Chip} ...${first} />${rest.map(one => html`<${Chip} ...${one} />`)}
    ${more > 0 && html`<span class="plus">+${more}</span>`}${more > 2 && html`<span class="plus-wide">+${more - 2}</span>`}` : html`<span class="quiet">${none}</span>`}`
}

const time = row => clockTime(row.at)
const whole = row => row.alternateId == null ? row.url : `${row.client}/${row.alternateIdType}/${row.alternateId}`
const duration = row => row.delayMs ? html`<span class="sr">with planned delay </span>${number((row.ms + row.delayMs).toFixed(0))}` : row.ms.toFixed(2)

const Row = ({ row, index, open }) => html`<tr role="row" data-id=${row.id} aria-rowindex=${index + 2} aria-current=${open ? 'true' : undefined} onClick=${() => openRequest(row.id)}>
  <td role="cell" class="w-time"><button class="open" aria-label=${`${time(row)}, open request ${row.id}, ${row.status ?? row.connection} ${row.reason}`}>${time(row)}</button></td>
  <td role="cell" class="w-world">${seen(row.world)}</td><td role="cell" class="w-m">${seen(row.method).slice(0, 20)}</td>
  <td role="cell" class="w-who who" title=${seen(whole(row)).slice(0, 400)}><bdi>${seen(row.alternateId == null ? row.url : `${row.alternateIdType}/${row.alternateId}`).slice(0, 120)}</bdi></td>
  <td role="cell" class="w-ops"><span class="ops">${operationsCell(row)}</span></td>
  <td role="cell" class="w-st"><${Status} ...${row} /></td><td role="cell" class="w-why">${row.reason}</td>
  <td role="cell" class="w-ms num">${duration(row)}</td>
  <td role="cell" class="w-mk"><span class="marks">
    ${row.fault && html`<${Mark} name="fault" label=${`Fault ${row.fault} struck`} />`}${row.applied && (row.status ?? 500) >= 400 && html`<${Mark} name="saved" />`}${row.tolerated && html`<${Mark} name="tolerated" />`}${row.frozen && html`<${Mark} name="frozen" />`}</span></td></tr>`

const HEADS = [['c-time', 'Time'], ['c-world w-world', 'World'], ['c-m w-m', 'Method', true], ['c-who', 'Profile'], ['', 'Operations'], ['c-st', 'Status', true], ['c-why', 'Reason'], ['c-ms num', 'ms'], ['c-mk', 'Marks']]

function List({ rows }) {
  const list = useRef(), [window, setWindow] = useState([0, 60])
  const look = () => {
    const height = rowHeight(list.current), first = Math.max(0, Math.floor(list.current.scrollTop / height) - 15)
    const last = first + Math.ceil(list.current.clientHeight / height) + 30
    setWindow(([a, b]) => Math.abs(a - first) > 5 || b < last - 5 ? [first, last] : [a, b])
  }
  const scroll = () => {
    const scrolled = list.current.scrollTop > rowHeight(list.current)
    if (scrolled !== state.scrolled) { update({ scrolled }); if (!scrolled && !state.paused) release() }
    look()
  }
  useEffect(() => { look(); return () => update({ scrolled: false }) }, [])
  const many = rows.length > MANY, [from, to] = many ? window : [0, rows.length], height = rowHeight(list.current)
  const gap = n => n > 0 && html`<tr aria-hidden="true" class="gap"><td colspan="9" style=${{ height: `${n * height}px` }}></td></tr>`
  return html`<div class="list ${state.world === '*' ? '' : 'one-world'} ${many ? 'many' : ''}" id="list" ref=${list} onScroll=${scroll} tabindex="-1">
    <table role="table" aria-label="Requests, the newest first" aria-rowcount=${rows.length + 1}><thead role="rowgroup"><tr role="row">
      ${HEADS.map(([kind, name, quiet]) => html`<th role="columnheader" class=${kind}>${quiet ? html`<span class="sr">${name}</span>` : name}</th>`)}</tr></thead>
    <tbody role="rowgroup">${gap(from)}${rows.slice(from, to).map((row, at) => html`<${Row} key=${row.id} row=${row} index=${from + at} open=${row.id === state.route.rest[0]} />`)}${gap(rows.length - to)}</tbody></table>
    <p class="more">${rows.length ? dropped() : state.rows.length ? html`No request fits this filter. <${Button} onClick=${() => setFilter({ q: '', status: '', reason: '', odd: '' })}>Show all<//>` : 'No request yet.'}</p></div>`
}

const dropped = () => state.dropped ? `${number(state.dropped)} older requests are forgotten: the journal keeps ${number(state.settings.journal_entries)} of a world, and ${bytes(state.settings.journal_bytes)} in all.` : ''

// -- the bar

function Bar({ rows }) {
  const filter = filterOf(state.route.query), reasons = [...new Set(state.rows.map(row => row.reason))].sort()
  const waiting = state.held.length, following = !state.paused && !state.scrolled
  return html`<div class="bar" role="search" aria-label="Filter the requests">
    <input id="q" type="search" placeholder="Filter by text, id, path, user" title="Words that a request must hold; user:, op: or path: look at one part alone (/)" aria-label="Filter by text" value=${filter.q} onInput=${event => setFilter({ q: event.target.value })} />
    <${Segments} label="Status" choices=${[['', 'all'], ['2', '2xx'], ['4', '4xx'], ['5', '5xx'], ['c', 'changed']]} chosen=${filter.status} choose=${status => setFilter({ status })} />
    <select id="freason" class="mono" aria-label="Reason" value=${filter.reason} onChange=${event => setFilter({ reason: event.target.value })}><option value="">any reason</option>
      ${[...new Set([...reasons, filter.reason])].filter(Boolean).map(reason => html`<option value=${reason}>${reason}</option>`)}</select>
    <${Button} id="odd" aria-pressed=${String(!!filter.odd)} title="Refused, struck by a fault, tolerated, or 200 without operations (s)" onClick=${toggleOdd}>Only surprising<//>
    <span class="quiet" id="shown">${number(rows.length)} of ${number(state.total)}</span>
    <span class="push row tight nowrap">
      <${Button} id="follow" aria-pressed=${String(following)} title="Follow new requests (p)" onClick=${toggleFollow}>
        ${waiting ? `${number(waiting)} new` : following ? 'Following' : state.paused ? 'Paused' : 'To the newest'}<//>
      <${Button} kind="bare" title="Every request of this world as an HTTP Archive" onClick=${() => attempt(async () => save(await ask('GET', 'requests.har', { text: true }), 'requests.har'))}>HAR<//>
      <${Button} kind="bare" sure title="Forget every request of this world" onClick=${() => attempt(async () => { await ask('DELETE', 'requests'); openRequest('', true); readAnew() })}>Clear<//>
    </span></div>`
}

export function Requests() {
  const rows = shownRows(), id = state.route.rest[0]
  const nothing = state.link === 'live' && !state.rows.length && !state.held.length && !id
  useEffect(() => { if (nothing) update({ first: true }) }, [nothing])
  useEffect(() => { if (state.first && state.rows.length) { update({ first: false }); openRequest(state.rows.at(-1).id, true) } }, [state.first, state.rows.length])
  return nothing ? html`<${FirstVisit} />` : html`<${Bar} rows=${rows} /><div class="split ${id ? 'open' : ''}"><${List} rows=${rows} />${id && html`<${Detail} key=${id} id=${id} />`}</div>`
}
