// Why a request was answered so: operation by operation, with the place marked and what to write instead.
import { Button, CopyBox, Difference, Json, Long, Provenance, clockTime, copy, html, json, quoted, seen } from './parts.js'
import { address, state } from './state.js'

const TONES = { held: 'ok', applied: 'ok', undone: 'soft', refused: 'warn', 'not reached': 'quiet' }

export function Story({ entry }) {
  const { mock, why, response } = entry, operations = mock.operations
  const refused = operations.some(one => one.outcome === 'refused'), saved = mock.applied && (response.status == null || response.status >= 400)
  return html`
    ${mock.fault && html`<${FaultStruck} mock=${mock} />`}
    ${operations.length > 0 && html`<div class="block"><h3>Operation by operation</h3><${Steps} operations=${operations} hint=${mock.hint} saved=${saved} /></div>`}
    ${!refused && mock.hint && html`<div class="block"><h3>What to do</h3><p class="say">
      ${seen(mock.hint)} ${mock.signature?.cause && html`<a href=${address('requests', [entry.id], { tab: 'signature' })}>How the signature was checked</a>`}</p></div>`}
    <div class="block"><h3>Before and after</h3><${Changes} mock=${mock} operations=${operations} /></div>
    <div class="block"><h3>Why, and how sure</h3><p class="say">${seen(why.statement)}</p><p class="row soft">
      <${Provenance} mark=${mock.provenance} /> known from ${seen(why.source)} <a href=${address('reports', ['reasons', mock.reason])}>About ${mock.reason}</a></p></div>`
}

function FaultStruck({ mock }) {
  const rule = mock.fault.split('#')[0]
  const words = mock.applied ? 'struck after the patch was applied and saved: the profile changed, whatever the client saw.' : mock.applied === false ? 'struck before anything was applied.' : 'struck this request.'
  return html`<div class="block"><h3>Fault</h3><div class="aside struck"><p><code>${mock.fault}</code> ${words}</p>
    <p class="soft">${mock.faultEffect && html`<code>${json(mock.faultEffect)}</code> · `}<a href=${address('faults', [rule])}>Rule and plan</a></p></div></div>`
}

function Changes({ mock, operations = [] }) {
  const rows = mock.difference || mock.changes || []
  if (rows.length) return html`<${Difference} rows=${rows} />`
  const undone = operations.some(one => one.outcome === 'undone')
  return html`<p class="soft">Nothing changed${undone ? ': a refused patch changes nothing, so what operations before it did was undone' : ''}.</p>`
}

// -- the steps

const MOST_STEPS = 100

export function Steps({ operations, hint, saved }) {
  const refused = operations.findIndex(one => one.outcome === 'refused')
  // A long patch: its first steps, and those round the refused one.
  const shown = operations.map((one, index) => ({ index, ...one })).filter(({ index }) => index < MOST_STEPS || Math.abs(index - refused) < 5)
  return html`<ol class="steps">${shown.map(one => html`<${Step} key=${one.index} one=${one} all=${operations} hint=${hint} saved=${saved} />`)}</ol>
    ${shown.length < operations.length && html`<p class="help">${operations.length - shown.length} further operations are not drawn.</p>`}`
}

function Step({ one, all, hint, saved }) {
  const word = saved && one.outcome === 'applied' ? 'applied and saved' : one.outcome
  return html`<li class=${one.outcome === 'not reached' ? 'off' : ''}><span class="n">${one.index}</span><span class="path"><b>${seen(one.op)}</b> <bdi>
    ${seen(one.from != null ? `${one.from} → ` : '')}<${Long} text=${String(one.path ?? '')} most=${400} /></bdi></span>
    <span class="did ${TONES[one.outcome] || 'quiet'}">${word}</span>${one.outcome === 'refused' ? html`<${Refused} one=${one} all=${all} hint=${hint} />` : html`<${Did} one=${one} />`}</li>`
}

function Did({ one }) {
  if (one.op === 'test' && one.outcome === 'held') return html`<div class="body mono">is <${Json} value=${one.value} /></div>`
  const changed = (one.changed || []).map(row => typeof row === 'string' ? { path: row } : row)
  if (!changed.length) return null
  return html`<div class="body mono">${changed.slice(0, 20).map(row => html`<span>${row.path !== one.path && html`<span class="quiet">
    ${seen(row.path)} </span>`}${row.before === undefined && row.after === undefined ? '' : html`${row.before == null ? html`<span class="quiet">nothing</span>` : html`<${Json} value=${row.before} />`} <span class="quiet"><span class="sr">became</span><span aria-hidden="true">→</span></span> ${row.after == null ? html`<span class="quiet">nothing</span>` : html`<${Json} value=${row.after} />`}`}</span>`)}</div>`
}

function Refused({ one, all, hint }) {
  return html`<div class="body"><p class="row"><span class="say fg">${seen(hint)}</span>
    ${one.instead && html`<${Button} kind="push" onClick=${() => copy(json(one.instead))}>Copy the operation<//>`}</p>
    <${MarkedBody} one=${one} all=${all} /></div>`
}

// -- the body, with the refused place marked

const MEMBERS = ['op', 'from', 'path', 'value']
const ROUND = 6

function MarkedBody({ one, all }) {
  const from = Math.max(0, one.index - ROUND), to = Math.min(all.length, one.index + ROUND + 1)
  const line = (number, sign, kind, content) => html`<div class=${kind}><i>${number}</i><span class="s" aria-hidden="true">${sign}</span><span class="t">${content}</span></div>`
  const end = index => index < all.length - 1 ? ',' : ']', start = index => index ? ' ' : '['
  return html`<div class="hunk" role="group" aria-label="Request body with the refused place marked">${all.slice(from, to).map((other, at) => {
    const index = from + at
    if (index !== one.index) return line(index, '', '', html`${start(index)}${pieces(other)}${end(index)}`)
    return html`${line(index, one.instead ? '−' : '', 'minus', html`${start(index)}${pieces(one, one.at, 'mark')}${end(index)}`)}
      ${one.instead && line('', '+', 'plus', html`${start(index)}${pieces(one.instead, differs(one, one.instead), 'ins')}${end(index)}`)}`
  })}</div>`
}

/** One operation as JSON, in pieces: the place that decided is in an element of its own. */
function pieces(operation, at, tag) {
  const members = MEMBERS.filter(name => operation[name] !== undefined && (operation[name] !== null || name === 'value'))
  return html`{${members.map((name, index) => {
    const text = json(operation[name]), [before, middle, after] = at?.member === name ? parted(text, at.segment) : [text, '', '']
    return html`${index ? ', ' : ''}"${name}": <${Long} text=${before} most=${400} />${middle && html`<${tag}><${Long} text=${middle} most=${400} />
      <//>`}${after && html`<${Long} text=${after} most=${400} />`}`
  })}}`
}

/** Part a text at a segment of its pointer; without one, all of it is the place. */
function parted(text, segment) {
  if (segment == null || segment === '') return ['', text, '']
  const at = text.lastIndexOf('/' + segment.replaceAll('~', '~0').replaceAll('/', '~1')) + 1 || text.indexOf(segment)
  if (at < 0) return ['', text, '']
  const length = text.startsWith(segment, at) ? segment.length : segment.replaceAll('~', '~0').replaceAll('/', '~1').length
  return [text.slice(0, at), text.slice(at, at + length), text.slice(at + length)]
}

function differs(one, instead) {
  const member = MEMBERS.find(name => json(one[name] ?? undefined) !== json(instead[name] ?? undefined))
  if (member !== 'path') return member && { member }
  const old = one.path.split('/')
  return { member, segment: instead.path.split('/').find((segment, index) => segment !== old[index]) }
}

// -- the signature

export function Signature({ entry: { mock } }) {
  const signature = mock.signature
  if (!signature) return html`<p class="say soft">No signature was looked at: there is none, the request was refused before, or the server runs with <code>--auth off</code>.</p>`
  return html`<div class="block"><p class="say"><b>${signature.cause ? seen(signature.message || 'The signature is wrong.') : 'The signature is right.'}</b></p>
      ${mock.frozen && html`<p class="say warn">The clock of this world stood still at ${clockTime(mock.at)} when the request came. <a href=${address('worlds')}>Let it run</a></p>`}</div>
    ${signature.checks?.length > 0 && html`<ol class="checks">${signature.checks.map(check => html`<li>
      <span class=${check.ok ? 'ok' : check.ok === false ? 'bad' : 'quiet'} role="img" aria-label=${check.ok ? 'right' : check.ok === false ? 'wrong' : 'not checked'}>
      ${check.ok ? '✓' : check.ok === false ? '✕' : '·'}</span><span class="soft">${seen(check.name)}</span><span>${seen(check.text)}</span></li>`)}</ol>`}
    ${signature.hint && html`<div class="block"><h3>What to do</h3><p class="say">${seen(signature.hint)} <span class="quiet mono">${signature.cause}</span></p></div>`}
    <div class="block"><h3>Sign anew</h3>${mock.profile && html`<${CopyBox} label="Command" text=${`${state.sign} --client ${quoted(mock.profile.client)}${signature.user ? ` --user ${quoted(signature.user)}` : ''}`} />`}<p class="help">No key and no signature is ever shown or kept.</p></div>`
}
