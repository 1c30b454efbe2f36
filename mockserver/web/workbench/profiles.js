// Profiles: find one, see its members and what differs from the fixture, its history, and build a patch for it.
import { ask, part } from './api.js'
import { Builder, addOperation } from './builder.js'
import { Body, Button, OneWorld, Problem, Status, Tabs, attempt, clockTime, html, json, number, plural, save, seen, useAnswer, useEffect, useState } from './parts.js'
import { address, go, state } from './state.js'

const PAGE = 50
const pathOf = ids => 'profiles/' + ids.map(part).join('/')

// -- finding

const idsOf = row => {
  const first = row.alternateIds?.[0]
  return [row.client, row.kind ?? first?.AlternateIdType ?? '', row.id ?? first?.AlternateId ?? '']
}

function Finder({ chosen }) {
  const [text, setText] = useState(''), [limit, setLimit] = useState(PAGE)
  const wanted = useLater(text, 200)
  const [last, problem] = useAnswer(() => ask('GET', 'profiles', { query: { q: wanted, limit } }), JSON.stringify([wanted, limit, state.worlds.find(one => one.name === state.world)?.changedProfiles]), true)
  const matched = last?.meta.matched ?? last?.meta.total
  useEffect(() => {
    if (!chosen.length && innerWidth > 720 && last?.profiles.length) go(address('profiles', idsOf(last.profiles[0])), true)
  }, [last, chosen.length])
  return html`<div class="col finder"><div class="bar">
    <input type="search" class="grow" placeholder="Id, name or e-mail" aria-label="Find a profile" value=${text} onInput=${event => setText(event.target.value)} /></div>
    <${Problem} problem=${problem} />
    <div class="plist">${(last?.profiles || []).map(row => { const ids = idsOf(row); return html`<button type="button" key=${row.client + row.profileId} aria-current=${json(ids) === json(chosen) ? 'true' : undefined} onClick=${() => go(address('profiles', ids))}>
      <span class="name"><bdi>${seen(row.name || row.profileId).slice(0, 120)}</bdi></span>${row.changed ? html`<span class="diffs"><span class="sr">differs from its fixture</span>
        </span>` : html`<span></span>`}<span class="id"><bdi>${seen(`${ids[0]} ${ids[1]}/${ids[2]}`).slice(0, 200)}</bdi></span></button>` })}</div>
    <p class="more">${last && html`${plural(matched, 'profile')}${wanted ? ` of ${number(last.meta.total)}` : ''} ${matched > last.profiles.length && html`<${Button} onClick=${() => setLimit(limit + 200)}>Show more<//>`}`}</p></div>`
}

function useLater(value, ms) {
  const [later, set] = useState(value)
  useEffect(() => { const timer = setTimeout(() => set(value), ms); return () => clearTimeout(timer) }, [value])
  return later
}

// -- members

const escaped = name => String(name).replaceAll('~', '~0').replaceAll('/', '~1')
const plain = value => value === null || typeof value !== 'object'
const template = path => path.split('/').map(segment => /^\d+$/.test(segment) ? '*' : segment).join('/')
const MOST_CHILDREN = 200

function kindOf(members, path) {
  const member = members[template(path)]
  if (!member) return ''
  const type = { string: 'text', integer: 'whole number', array: '', object: '' }[member.type] ?? member.type
  return [member.maxLength ? `${type}, at most ${number(member.maxLength)}` : type, member.readOnly && 'read-only', member.default != null && `${json(member.default)} if left out`].filter(Boolean).join(', ')
}

const summary = value => Array.isArray(value) ? plural(value.length, 'entry', 'entries') : [value.FirstName, value.LastName].filter(Boolean).join(' ') || String(Object.values(value).find(one => typeof one === 'string') ?? '')

/** The tree as rows: what is closed stays out. */
function rowsOf(value, open, path = '', level = 1) {
  const entries = Array.isArray(value) ? value.map((one, index) => [index, one]) : Object.entries(value)
  return entries.slice(0, MOST_CHILDREN).flatMap(([name, held]) => {
    const own = `${path}/${escaped(name)}`, row = { path: own, name, value: held, level, folded: !plain(held) }
    return row.folded && open.has(own) ? [{ ...row, open: true }, ...rowsOf(held, open, own, level + 1)] : [row]
  })
}

function Tree({ profile, difference, members }) {
  const before = Object.fromEntries(difference.map(row => [row.path, row.before]))
  const parents = difference.flatMap(({ path }) => path.split('/').slice(1, -1).map((_, at) => path.split('/').slice(0, at + 2).join('/')))
  const [toggled, setToggled] = useState({}), [focused, setFocused] = useState('')
  const open = new Set([...parents.filter(path => toggled[path] !== false), ...Object.keys(toggled).filter(path => toggled[path])])
  const rows = rowsOf(profile, open), at = rows.some(row => row.path === focused) ? focused : rows[0]?.path
  const toggle = row => setToggled({ ...toggled, [row.path]: !row.open })
  const choose = row => addOperation({ path: row.path, value: row.value, readOnly: !!members[template(row.path)]?.readOnly })
  const focus = (event, path) => { if (!path) return; event.preventDefault(); setFocused(path); [...event.currentTarget.rows].find(row => row.dataset.path === path)?.focus() }
  const onKey = event => {
    const index = rows.findIndex(row => row.path === event.target.dataset.path), row = rows[index]
    if (!row) return
    if (event.key === 'ArrowDown') focus(event, rows[index + 1]?.path)
    else if (event.key === 'ArrowUp') focus(event, rows[index - 1]?.path)
    else if (event.key === 'ArrowRight' && row.folded && !row.open) toggle(row)
    else if (event.key === 'ArrowLeft') { if (row.open) toggle(row); else focus(event, row.path.split('/').slice(0, -1).join('/')) }
    else if (event.key === 'Enter') choose(row)
  }
  return html`<table class="tree" role="treegrid" aria-label="Members of the profile" onKeyDown=${onKey}><thead class="sr"><tr role="row"><th role="columnheader">Member</th>
    <th role="columnheader">Value</th><th role="columnheader">Kind</th></tr></thead><tbody role="rowgroup">${rows.map(row => {
    const changed = row.path in before, kind = kindOf(members, row.path), shown = plain(row.value) ? json(row.value) : summary(row.value)
    return html`<tr role="row" key=${row.path} data-path=${row.path} aria-level=${row.level} aria-expanded=${row.folded ? String(!!row.open) : undefined} tabindex=${row.path === at ? 0 : -1} class=${changed ? 'changed' : ''} onFocus=${() => setFocused(row.path)} onClick=${() => row.folded ? toggle(row) : choose(row)}>
      <td role="gridcell" style=${{ paddingLeft: `${row.level * 14}px` }}><span aria-hidden="true">${row.folded ? row.open ? '▾' : '▸' : ''}</span>${seen(row.name).slice(0, 200)}</td>
      <td role="gridcell" class="val" data-kind=${kind}>${changed ? html`<del><span class="sr">in the fixture </span>
        ${clipped(before[row.path] === undefined ? 'absent' : json(before[row.path]))}</del><ins>${clipped(shown)}</ins>` : clipped(shown)}</td><td role="gridcell" class="kind">${kind}</td>
        </tr>` })}</tbody></table>`
}

const clipped = text => html`<bdi>${seen(text.slice(0, 300))}${text.length > 300 ? ` … ${number(text.length - 300)} more characters` : ''}</bdi>`

// -- one profile

const History = ({ rows, problem }) => html`<div class="panel"><${Problem} problem=${problem} />${rows?.length === 0 && html`<p class="soft">No request of this world has named it.</p>`}<ol>
  ${(rows || []).map(row => html`<li key=${row.id} class="past"><span class="mono">${clockTime(row.at)}</span> <a href=${address('requests', [row.id])}>${row.id}</a> <${Status} ...${row} /> <code>
  ${row.reason}</code> ${row.user && html`<span class="soft">by ${seen(row.user)}</span>`}
  ${row.changed ? html`<b>changed it</b>` : html`<span class="quiet">changed nothing</span>`}${row.applied && (row.status ?? 500) >= 400 && html` <span class="bad">the client was told that it failed</span>`}</li>`)}</ol></div>`

function Texts({ profile, ids }) {
  const [xml, problem] = useAnswer(() => ask('GET', `${pathOf(ids)}/xml`, { text: true }), json(ids) + profile)
  return html`<div class="panel"><${Body} text=${profile} label="JSON" />${xml !== undefined ? html`<${Body} text=${xml} label="XML" />` : html`<${Problem} problem=${problem} />`}</div>`
}

function Profile({ ids, members }) {
  const [tab, setTab] = useState('members'), [version, setVersion] = useState(0)
  const key = json([ids, state.world, state.looked, version])
  const [shown, problem] = useAnswer(() => ask('GET', pathOf(ids), { text: true }), key, true)
  const [differs] = useAnswer(() => ask('GET', `${pathOf(ids)}/difference`), key, true)
  const [past, pastProblem] = useAnswer(() => ask('GET', `${pathOf(ids)}/history`), key, true)
  const difference = differs?.difference || [], rows = past?.rows
  if (shown === undefined || problem) return html`<div class="col"><div class="panel"><${Problem} problem=${problem} /></div></div>`
  const profile = JSON.parse(shown), { FirstName, LastName } = profile.CustomerName || {}
  const reset = () => attempt(async () => { await ask('POST', `${pathOf(ids)}/reset`); setVersion(version + 1) }, 'Back to the fixture.')
  return html`<div class="col"><div class="bar"><h2 class="title"><bdi>${seen([FirstName, LastName].filter(Boolean).join(' ') || ids[2]).slice(0, 120)}</bdi></h2>
    ${difference.length > 0 && html`<span class="diffs" title="against the fixture">${difference.length} differ</span>`}
      <span class="push row tight"><${Button} kind="bare" onClick=${() => attempt(async () => save(await ask('GET', `${pathOf(ids)}/fixture`, { text: true }), `${ids[2]}.json`))}>Save as fixture<//>${difference.length > 0 && differs.fixture && html`<${Button} sure onClick=${reset}>Back to the fixture<//>`}</span></div>
    <${Tabs} tabs=${{ members: 'Members', text: 'JSON and XML', history: rows ? `History, ${rows.length}` : 'History' }} chosen=${tab} choose=${setTab} label="Profile" panel="pp" />
    <div id="pp" role="tabpanel" aria-labelledby=${`pp-${tab}`} tabindex=${tab === 'members' ? undefined : 0}>
      ${tab === 'members' ? html`<${Tree} profile=${profile} difference=${difference} members=${members} />` : tab === 'text' ? html`<${Texts} profile=${shown} ids=${ids} />`
      : html`<${History} rows=${rows} problem=${pastProblem} />`}</div></div>
    <${Builder} ids=${ids} members=${members} profile=${profile} template=${template} kindOf=${kindOf} />`
}

export function Profiles() {
  const ids = state.route.rest.slice(0, 3)
  const [listed] = useAnswer(() => ask('GET', 'members', { world: '' }), 'members')
  if (state.world === '*') return html`<${OneWorld} what="profiles" />`
  const members = Object.fromEntries((listed || []).map(member => [member.path, member]))
  return html`<${Finder} chosen=${ids} />${ids.length === 3 && html`<${Profile} key=${json(ids)} ids=${ids} members=${members} />`}`
}
