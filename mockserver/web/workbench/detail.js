// One request: what was asked and answered, and its story.
import { ask, part, reading } from './api.js'
import { Body, Button, Icon, Pairs, Problem, Provenance, Status, Tabs, attempt, clockTime, copy, day, html, seen, told, useAnswer, useEffect, useRef } from './parts.js'
import { filterOf, openRequest } from './filter.js'
import { Signature, Story } from './story.js'
import { address, go, state } from './state.js'
import { Trial } from './trial.js'

const TABS = { story: 'Story', request: 'Request', answer: 'Answer', signature: 'Signature', try: 'Edit and try' }

export function chooseTab(tab) { go(address('requests', state.route.rest, { ...filterOf(state.route.query), tab }), true) }

/** Copy a request in one of the server's spellings: curl, pytest, rule. */
export const copyAs = (id, form) => attempt(async () => copy(await ask('GET', `requests/${part(id)}/${form}`, { world: '*', text: true })))

/** A request is read once: what happened doesn't change. */
const kept = new Map()
async function read(id, key) {
  if (!kept.has(key)) {
    const [entry, why] = await Promise.all([ask('GET', `requests/${part(id)}`, { world: '*' }), ask('GET', `requests/${part(id)}/explain`, { world: '*' })])
    if (kept.size > 50) kept.clear()
    kept.set(key, { ...entry, why })
  }
  return kept.get(key)
}

export function Detail({ id }) {
  const key = `${reading} ${id}`, [entry, problem] = useAnswer(() => read(id, key), key), place = useRef()
  useEffect(() => { if (innerWidth <= 720) place.current.focus() }, [])
  const chosen = state.route.query.get('tab'), tab = chosen in TABS ? chosen : 'story'
  return html`<aside class="detail" id="detail" aria-label="Request" tabindex="-1" ref=${place}>
    ${entry ? html`<${Head} entry=${entry} /><${Tabs} tabs=${labels(entry)} chosen=${tab} choose=${chooseTab} label=${`Request ${id}`} panel="tp" />
      <div class="panel" role="tabpanel" id="tp" aria-labelledby=${`tp-${tab}`} tabindex="0"><${PANELS[tab]} key=${tab} entry=${entry} /></div>`
    : html`<div class="dhead"><${Close} /><h2>Request ${id}</h2></div><div class="panel">${problem ? html`<${Problem} problem=${problem} />` : html`<p class="quiet">Reading …</p>`}</div>`}</aside>`
}

const Close = () => html`<${Button} kind="bare" id="close" aria-label="Close the request" onClick=${() => openRequest('')}><${Icon} name="close" /><//>`
const labels = ({ mock }) => ({ ...TABS, signature: mock.signature?.cause ? html`Signature <span class="bad">wrong</span>` : 'Signature' })

/** The sentence that a person would say: without code, mark and hint, which stand beside it. */
export function sentence({ mock, why }) {
  const said = told(mock.explanation, mock.reason).replace(/ \(cause: [^)]*\)/, '')
  return said.startsWith(`${mock.reason}:`) || !said ? why.statement : said
}

function Head({ entry }) {
  const { id, request, mock } = entry, time = mock.at || request.loggedDateString
  const delay = entry.timing.addedDelay
  return html`<div class="dhead">
    <div class="fam"><${Status} status=${entry.response.status} connection=${mock.connection} /><code class="reason">${mock.reason}</code><${Provenance} mark=${mock.provenance} /></div><${Close} />
    <h2>${seen(sentence(entry)).slice(0, 300)}</h2>
    <p class="meta"><code>${seen(request.method).slice(0, 40)} <bdi>${seen(request.url).slice(0, 600)}</bdi></code></p>
    <p class="meta"><a href=${address('requests', [id])}>${id}</a><span>world <code>${seen(mock.world)}</code></span>${mock.user && html`<span><code>${seen(mock.user)}</code>
      </span>`}<span title=${`${day(time)}, the world’s clock${mock.receivedAt ? `; really ${mock.receivedAt}` : ''}`}>
      ${clockTime(time)}${mock.frozen ? html`, <b class="warn">clock frozen</b>` : ''}</span><span>${mock.durationMs.toFixed(2)} ms${delay ? ` and ${delay} ms planned` : ''}</span>
      ${mock.profile && html`<a href=${address('profiles', [mock.profile.client, mock.profile.type, mock.profile.id])}>the profile</a>`}</p>
    <div class="row acts"><${Button} title="c" onClick=${() => copyAs(id, 'curl')}>Copy curl<//><${Button} onClick=${() => copyAs(id, 'pytest')}>Copy as pytest<//>
      <${Button} title="YAML for contracts/rules" onClick=${() => copyAs(id, 'rule')}>Copy as rule<//>
      <${Button} kind="bare" onClick=${() => copyAs(id, 'har')}>Copy HAR<//></div></div>`
}

const flat = headers => Object.entries(headers).flatMap(([name, value]) => [value].flat().map(one => [name, one]))

const RequestTab = ({ entry: { request } }) => html`<div class="block"><h3>Headers</h3><${Pairs} pairs=${flat(request.headers)} /></div><${Body} text=${request.body} label="Body" />`

function AnswerTab({ entry: { response, mock } }) {
  const struck = response.status == null && html`<p class="say">The client saw no status: the connection was broken (${mock.connection}). This is what would have been answered.</p>`
  return html`${struck}<div class="block"><h3>Headers</h3><${Pairs} pairs=${flat(response.headers)} />
    <p class="help">Only the X-Mock headers are the mock’s own; <code>--pure</code> leaves them out.</p></div><${Body} text=${response.body} label="Body" />`
}

const PANELS = { story: Story, request: RequestTab, answer: AnswerTab, signature: Signature, try: Trial }
