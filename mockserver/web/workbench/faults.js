// Planned faults: the rules, what they will do to the next fifty requests, and a new one while it is being written.
import { ask, lookAround, part } from './api.js'
import { Button, OneWorld, Problem, attempt, html, json, number, refused, seen, useAnswer, useEffect, useRef, useState } from './parts.js'
import { address, go, state } from './state.js'

const CELLS = 50

// -- a new rule, as text or by the form

/** What is chosen in the form, as the line that can be kept. */
function textOf(form) {
  const { effect, figure, after, schedule, often, ends, op, path, who } = Object.fromEntries(new FormData(form))
  const does = effect === 'status' ? figure : effect === 'delay' ? `delay=${figure}` : effect
  return [does, op && `op=${op}`, path && `path=${path}`, who, schedule && schedule + often, ends, effect !== 'delay' && after].filter(Boolean).join(' ')
}

const FIGURES = { status: '500', delay: '200..800', 'p=': '0.3', 'first=': '2', 'every=': '5', 'at=': '1,4' }

/** The form stands in the page; what is typed into it is written into the line above. */
function Form({ write }) {
  const place = useRef()
  useEffect(() => { place.current.append(document.getElementById('faultform').content.cloneNode(true)) }, [])
  const typed = ({ target, currentTarget: form }) => {
    const next = { effect: form.elements.figure, schedule: form.elements.often }[target.name]
    if (next) next.value = FIGURES[target.value] || ''
    write(textOf(form))
  }
  return html`<form id="ffields" ref=${place} onInput=${typed} onSubmit=${event => event.preventDefault()}></form>`
}

function NewRule({ text, setText, read, problem, reload }) {
  const [form, showForm] = useState(false), understood = read && !problem
  const strikes = read?.plan ? read.plan.filter(Boolean).length : 0
  const add = event => {
    event.preventDefault()
    if (understood) attempt(async () => { await ask('POST', 'faults', { body: { text } }); setText(''); reload() }, 'Added.')
  }
  return html`<div class="block"><div class="head"><h2 class="title">Faults</h2><p class="soft">Each rule counts its own matching requests in world <code>
    ${seen(state.world)}</code>. The same seed (${state.settings.seed}) gives the same failures.</p></div>
    <form class="row bottom" onSubmit=${add}><div class="field wide-field"><label for="ftext">Add a rule</label>
      <input id="ftext" class="mono" placeholder="500 p=0.3 after-commit" value=${text} aria-describedby="fsay" aria-invalid=${String(!!problem)} spellcheck="false" autocomplete="off" onInput=${event => setText(event.target.value)} /></div>
      <button class="b pri" id="fadd" disabled=${!understood}>Add</button><${Button} aria-expanded=${String(form)} aria-controls="ffields" onClick=${() => showForm(!form)}>
        ${form ? 'Hide the form' : 'Use the form'}<//></form>
    <p class="say ${problem ? 'bad' : 'soft'}" id="fsay" aria-live="polite">
      ${problem ? seen(refused(problem)) : understood ? `${seen(read.sentence)}${read.plan ? ` Of the next ${CELLS} matching requests it strikes ${strikes}.` : ''}` : ''}</p>
    ${form && html`<${Form} write=${setText} />`}</div>`
}

/** What the server makes of a text that isn't added yet: [what it read, what is wrong]. */
function useDryRun(text) {
  const [known, know] = useState({ text: '' })
  useEffect(() => {
    if (!text.trim()) return
    const timer = setTimeout(() => ask('POST', 'faults', { query: { dry: 'true' }, body: { text } }).then(read => know(read.error ? { text, problem: { message: read.error, hint: read.hint } } : { text, read }), problem => know({ text, problem })), 150)
    return () => clearTimeout(timer)
  }, [text])
  return known.text === text && text.trim() ? [known.read, known.problem] : []
}

// -- the rules

function Rule({ rule, edit, reload, chosen }) {
  const path = `faults/${part(rule.id)}`, off = rule.enabled === false
  const act = (action, done) => attempt(async () => { await action(); reload() }, done)
  const text = rule.text ?? json({ match: rule.match, effect: rule.effect, schedule: rule.schedule })
  return html`<tr class=${off ? 'off' : ''} aria-current=${chosen ? 'true' : undefined}><td><code>${seen(rule.id).slice(0, 60)}</code></td><td class="wrap"><code>${seen(text).slice(0, 400)}</code>
    <br /><span class="soft">${seen(rule.sentence || '')}${off ? ' Switched off.' : ''}</span></td><td class="num">${number(rule.matched)}</td>
    <td class="nowrap"><span class="share" aria-hidden="true"><i style=${{ width: `${rule.matched ? 100 * rule.hits / rule.matched : 0}%` }}></i></span>${number(rule.hits)}</td>
      <td class="soft nowrap">${seen(rule.from || '')}</td>
    <td class="act">${rule.text && html`<${Button} kind="bare" onClick=${() => edit(rule.text)}>Edit<//>`}<${Button} kind="bare" onClick=${() => act(() => ask('PUT', path, { body: { enabled: off } }), off ? 'Switched on.' : 'Switched off.')}>${off ? 'Switch on' : 'Switch off'}<//><${Button} kind="bare" sure onClick=${() => act(() => ask('DELETE', path), 'Removed.')}>Remove<//></td></tr>`
}

const Rules = ({ rules, ...rest }) => html`<div class="block"><h2>Rules</h2>
  ${!rules.length ? html`<p class="soft">No fault is planned in this world.</p>` : html`<div class="scroll" tabindex="0" role="region" aria-label="Rules"><table id="ruletable"><thead><tr><th>Rule</th>
  <th>Does</th><th class="num">Matched</th><th>Struck</th><th>From</th><th><span class="sr">Actions</span></th></tr></thead>
  <tbody id="rules">${rules.map(rule => html`<${Rule} key=${rule.id} rule=${rule} chosen=${rule.id === state.route.rest[0]} ...${rest} />`)}</tbody></table></div>`}</div>`

// -- the plan

const kindOfCell = cell => !cell ? '' : cell.connection ? 'c' : !cell.status ? 'd' : cell.when === 'after' ? 'a' : 'x'

function wordsOf(id, cell, at) {
  const what = { c: `its connection is broken (${cell.connection})`, d: `it is answered ${Math.round(cell.delay_ms)} ms later`, a: `it is applied and saved, then answered ${cell.status}`, x: `it is answered ${cell.status}, and nothing is applied` }[kindOfCell(cell)]
  return html`<code>${id}#${cell.n}</code>: ${at ? `request ${at + 1} from now` : 'the next request'} that matches, its number ${cell.n}: ${what}${cell.connection && cell.when === 'after' ? ', after the patch was saved' : ''}.`
}

function Line({ id, cells, picked, pick, fresh }) {
  const strikes = cells.flatMap((cell, at) => cell ? [at + 1] : [])
  return html`<div class="line ${fresh ? 'new' : ''}"><code>${fresh ? 'not added yet' : seen(id).slice(0, 40)}</code>
    <div class="cells" role="img" aria-label=${strikes.length ? `${id} strikes the next matching requests number ${strikes.join(', ')}, of ${CELLS}` : `${id} strikes none of the next ${CELLS} matching requests`}>${cells.map((cell, at) => html`<span class="${kindOfCell(cell)} ${picked?.[0] === id && picked[1] === at ? 'now-at' : ''}" onClick=${cell && !fresh ? () => pick([id, at]) : undefined}></span>`)}</div></div>`
}

function Plan({ plan, fresh }) {
  const hits = Object.entries(plan).flatMap(([id, cells]) => cells.flatMap((cell, at) => cell ? [[id, at]] : []))
  const [chosen, pick] = useState(null)
  const index = Math.max(0, hits.findIndex(([id, at]) => chosen?.[0] === id && chosen[1] === at)), picked = hits[index]
  const step = by => pick(hits[(index + by + hits.length) % hits.length])
  if (!Object.keys(plan).length && !fresh) return null
  return html`<div class="block"><div class="head"><h2>What the next ${CELLS} matching requests get</h2><p class="legend"><span><i></i>unharmed</span><span><i class="x">
    </i>status, nothing applied</span><span><i class="a"></i>applied, then failed</span><span><i class="d"></i>delayed</span><span><i class="c"></i>connection broken</span></p></div>
    <div class="strip"><div class="line ruler-line"><span></span><div class="ruler" aria-hidden="true">${Array.from({ length: CELLS }, (_, at) => html`<span>
      ${at === 0 || (at + 1) % 10 === 0 ? at + 1 : ''}</span>`)}</div></div>
      ${Object.entries(plan).map(([id, cells]) => html`<${Line} key=${id} id=${id} cells=${cells} picked=${picked} pick=${pick} />`)}${fresh && html`<${Line} id="The new rule" cells=${fresh} fresh />`}</div>
    ${picked && html`<div class="row plan-say"><span class="seg"><${Button} aria-label="Previous strike" onClick=${() => step(-1)}>‹<//>
      <${Button} aria-label="Next strike" onClick=${() => step(1)}>›<//></span><p class="say soft" id="plansay" aria-live="polite">${wordsOf(picked[0], plan[picked[0]][picked[1]], picked[1])}</p>
      </div>`}</div>`
}

export function Faults() {
  const [text, setText] = useState(state.route.query.get('text') || ''), [read, problem] = useDryRun(text)
  const key = `${state.world} ${state.faults} ${state.looked}`, one = state.world !== '*'
  const load = async () => ({ ...await ask('GET', 'faults'), ...await ask('GET', 'faults/plan', { query: { n: CELLS } }) })
  const [known, wrong, again] = useAnswer(load, one ? key : null, true)
  const reload = () => { again(); lookAround() }, edit = line => { setText(line); document.getElementById('ftext').focus() }
  useEffect(() => { if (state.route.query.get('text')) go(address('faults', state.route.rest), true) }, [])
  if (!one) return html`<${OneWorld} what="faults" />`
  return html`<div class="page"><${NewRule} text=${text} setText=${setText} read=${read} problem=${problem} reload=${reload} />
    <${Problem} problem=${wrong} />${known && html`<${Rules} rules=${known.faults} edit=${edit} reload=${reload} /><${Plan} plan=${known.plan} fresh=${read?.plan} />`}</div>`
}
