// The last verify and drift runs: the verdict in a sentence, what is broken and what to do; and how sure the mock is.
import { ask, part } from './api.js'
import { Button, Problem, Provenance, PROVENANCES, Segments, ago, copy, html, json, number, plural, save, seen, useAnswer, useState } from './parts.js'
import { address, go, state } from './state.js'

// The worst first.
const VERDICTS = ['broken', 'inconclusive', 'tolerated', 'not-verifiable', 'held']
const TONES = { broken: 'bad', tolerated: 'warn', inconclusive: 'warn', 'not-verifiable': 'quiet', held: 'ok' }
const said = verdict => String(verdict).replaceAll('-', ' ')
const named = verdict => String(verdict).replaceAll(/[ _]/g, '-')

// -- a verify run

function sentenceOf(report, count) {
  const rest = VERDICTS.filter(verdict => count(verdict)).map(verdict => `${number(count(verdict))} ${said(verdict)}`).join(', ')
  const lead = { broken: ['bad', 'Broken.'], inconclusive: ['warn', 'Inconclusive.'], tolerated: ['warn', 'Held, with something tolerated.'] }[VERDICTS.find(count)] || ['ok', 'Held.']
  return html`<h2 class="verdict"><span class=${lead[0]}>${lead[1]}</span> ${seen(report.target || 'The mock')} was asked ${plural(report.cases.length, 'case')}: ${rest}.</h2>`
}

const written = side => typeof side === 'string' ? side : JSON.stringify(side, null, 1)

function Failure({ one, open }) {
  const last = one.exchanges?.at(-1)
  return html`<details class="fail" open=${open}><summary><b>${seen(one.title)}</b> <code class="quiet">${seen(one.id)}</code></summary><div>
    ${(one.problems || []).map(problem => html`<p class="bad">
      ${seen(problem)}</p>`)}<p class="soft">because ${seen(one.why)} ${one.source && html`<span class="quiet">(${seen(one.source)})</span>`}</p>
    ${(one.exchanges || []).slice(-3).map(exchange => html`<pre class="cut" tabindex="0" role="region" aria-label="Request and answer">
      ${seen(written(exchange.request)).slice(0, 6000)}${'\n\n'}${seen(written(exchange.reply)).slice(0, 6000)}</pre>`)}
    ${(one.remedy || one.todo) && html`<p class="say"><b>What to do.</b> ${seen(one.remedy || one.todo)}</p>`}
    <p class="row">${last?.curl && html`<${Button} onClick=${() => copy(last.curl)}>Copy curl<//>`}<${Button} onClick=${() => copy(`mockserver verify --only ${one.id}`)}>Copy <code>verify --only ${seen(one.id)}</code><//></p></div></details>`
}

/** Each fact of the page with the verdicts of the cases that rest on it. */
function factsOf(cases) {
  const facts = new Map()
  for (const one of cases) {
    for (const fact of [one.fact || []].flat()) {
      const row = facts.get(fact) || Object.fromEntries(VERDICTS.map(verdict => [verdict, 0]))
      row[named(one.verdict)] += 1
      facts.set(fact, row)
    }
  }
  const rank = ({ verdict }) => VERDICTS.indexOf(verdict)
  return [...facts].map(([fact, row]) => ({ fact, row, verdict: VERDICTS.find(verdict => row[verdict]) })).sort((a, b) => rank(a) - rank(b))
}

function Facts({ report }) {
  const [all, setAll] = useState(true), facts = factsOf(report.cases), open = facts.filter(one => one.verdict !== 'held')
  if (!facts.length) return html`<p class="soft">The cases of this report name no facts of the vendor’s page.</p>`
  return html`<div class="block"><div class="head"><h2>The page’s facts</h2>
    <${Segments} label="Show" choices=${[[true, `All ${facts.length}`], [false, `Not held ${open.length}`]]} chosen=${all} choose=${setAll} /></div>
    <div class="scroll" tabindex="0" role="region" aria-label="Facts"><table class="matrix"><thead><tr><th>Verdict</th><th>Fact</th>${VERDICTS.map(verdict => html`<th class="num">
      ${said(verdict)}</th>`)}</tr></thead>
      <tbody>${(all ? facts : open).map(({ fact, row, verdict }) => html`<tr><td class=${TONES[verdict]}>${said(verdict)}</td><td class="fact">${seen(report.facts?.[fact] || fact)}</td>
        ${VERDICTS.map(one => html`<td class="num ${row[one] ? TONES[one] : 'zero'}">${row[one] || '·'}</td>`)}</tr>`)}</tbody></table></div></div>`
}

function Verification({ report }) {
  const count = verdict => report.cases.filter(one => named(one.verdict) === verdict).length, broken = report.cases.filter(one => named(one.verdict) === 'broken')
  return html`<div class="block">${sentenceOf(report, count)}<p class="meta"><span>dialect <code>${seen(report.dialect)}</code></span><span>seed <code>${seen(report.seed)}</code></span><span>
    ${plural(report.requests ?? 0, 'request')}</span><span>${seen(report.seconds)} s</span></p></div>
    ${broken.length > 0 && html`<div class="block"><h2>What is broken</h2><div>${broken.slice(0, 100).map((one, at) => html`<${Failure} key=${one.id + at} one=${one} open=${at === 0} />`)}</div>
      </div>`}<${Facts} report=${report} />`
}

// -- a drift run

function Drift({ report }) {
  const findings = report.findings || [], counts = findings.filter(one => !one.known)
  return html`<div class="block"><h2 class="verdict"><span class=${counts.length ? 'bad' : 'ok'}>
    ${counts.length ? 'Drift.' : 'No drift.'}</span> ${seen(report.left)} and ${seen(report.right)} differ in ${plural(counts.length, 'place')}${findings.length > counts.length ? `, and in ${findings.length - counts.length} that are known` : ''}.</h2></div>
    ${findings.length > 0 && html`<div class="block"><h2>Where</h2><div>${findings.slice(0, 100).map((one, at) => html`<details class="fail" open=${at === 0}><summary><b>
      ${seen(one.kind)}: ${seen(one.what)}</b> <code class="quiet">${seen(one.place)}</code></summary><div>
      <dl class="kv"><dt>${seen(report.left)}</dt><dd>${seen(written(one.left))}</dd><dt>${seen(report.right)}</dt><dd>${seen(written(one.right))}</dd><dt>Contract</dt>
        <dd>agrees with: ${seen(one.agrees)} (${seen(one.source)})</dd><dt>Cases</dt><dd>${seen((one.cases || []).join(', '))}</dd></dl>
        ${one.known && html`<p class="soft">Known until ${seen(one.known.expires)}: ${seen(one.known.why)}</p>`}</div></details>`)}</div></div>`}`
}

// -- how sure the mock is

function Reason({ code }) {
  const [about, problem] = useAnswer(() => ask('GET', `reasons/${part(code)}`, { world: '' }), code)
  return html`<div class="aside"><h2><a href="reasons/${code}">${seen(code)}</a></h2><${Problem} problem=${problem} />${about && html`<p class="say">${seen(about.statement)}</p><p class="row soft">
    <${Provenance} mark=${about.mark} /> known from ${seen(about.source)}</p>
    ${about.cause && html`<p class="say"><b>When.</b> ${seen(about.cause)}</p>`}${about.example && html`<pre tabindex="0" role="region" aria-label="Example">
      ${seen(typeof about.example === 'string' ? about.example : json(about.example))}</pre>`}${about.remedy && html`<p class="say"><b>What to do.</b> ${seen(about.remedy)}</p>`}`}
    <p class="row"><a href=${address('requests', [], { reason: code })}>Requests answered so</a></p></div>`
}

function Fidelity({ chosen }) {
  const [answer, problem] = useAnswer(() => ask('GET', 'fidelity', { world: '' }), 'fidelity')
  const rows = answer || []
  return html`<div class="block"><div class="head"><h2>How sure the mock is</h2><p class="soft">
    ${rows.length > 0 && `${rows.length} behaviours, each with its mark. `}</p></div><${Problem} problem=${problem} />
    ${chosen && html`<${Reason} key=${chosen} code=${chosen} />`}
    <table><thead><tr><th>Mark</th><th class="num">Behaviours</th><th>Means</th></tr></thead><tbody>${Object.entries(PROVENANCES).map(([mark, words]) => html`<tr><td><${Provenance} mark=${mark} />
      </td><td class="num">${rows.filter(row => row.mark === mark).length || ''}</td><td>${words}</td></tr>`)}</tbody></table>
    ${rows.length > 0 && html`<details class="fail" open=${!!chosen}><summary><b>The behaviours one by one</b></summary><div class="scroll flush" tabindex="0" role="region" aria-label="Behaviours">
      <table><thead><tr><th>Reason</th><th>Mark</th><th>What the API does</th><th>Known from</th></tr></thead><tbody>${rows.map(row => html`<tr key=${row.reason}><td>
      <a class="mono" href=${address('reports', ['reasons', row.reason])}>${row.reason}</a></td><td><${Provenance} mark=${row.mark} /></td><td class="fact">${seen(row.statement)}</td><td class="soft">
      ${seen(row.source)}</td></tr>`)}</tbody></table></div></details>`}</div>`
}

function Report({ id }) {
  const [report, problem] = useAnswer(() => ask('GET', `reports/${part(id)}`, { world: '' }), id)
  if (!report) return html`<${Problem} problem=${problem} />`
  return report.findings ? html`<${Drift} report=${report} />` : html`<${Verification} report=${{ cases: [], ...report }} />`
}

export function Reports() {
  const [kind, chosen] = state.route.rest, reports = state.reports, id = kind === 'reasons' ? '' : kind || reports[0]?.id
  const name = report => `${report.kind} ${report.target || ''}, ${ago(report.at)}: ${said(report.verdict ?? '')}`
  const keep = async () => save(await ask('GET', `reports/${part(id)}`, { world: '', text: true }), `report-${id}.json`)
  return html`<div class="page"><div class="row"><h2 class="title">Reports</h2>
    ${reports.length > 0 && html`<select aria-label="Report" value=${id || ''} onChange=${event => go(address('reports', [event.target.value]))}>${!id && html`<option value="">
    ${plural(reports.length, 'run')}</option>`}${reports.map(report => html`<option value=${report.id}>${seen(name(report)).slice(0, 120)}</option>`)}</select>`}${id && html`<span class="push">
    <${Button} kind="bare" onClick=${keep}>JSON<//></span>`}</div>
    ${id ? html`<${Report} key=${id} id=${id} />` : kind !== 'reasons' && html`<p class="say soft">No run was handed over yet. <code>mockserver verify --report-to ${location.origin}</code>, or <code>drift</code> with the same, sends its report here; the newest ten are kept in memory.</p>`}
    <${Fidelity} chosen=${kind === 'reasons' ? chosen : ''} /></div>`
}
