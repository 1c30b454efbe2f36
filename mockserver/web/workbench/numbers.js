// How much, how fast, how many refused, and what is being forgotten.
import { ask } from './api.js'
import { Problem, bytes, html, number, useAnswer, useEffect, useState } from './parts.js'
import { address } from './state.js'

const W = 360, H = 112, LEFT = 34, RIGHT = 28
const READ_MS = 2000

/** A round number that is at least as large. */
function round(most) {
  const power = 10 ** Math.floor(Math.log10(most || 1))
  return [1, 2, 5, 10].map(step => step * power).find(step => step >= most) || 1
}

const figure = n => n >= 100 ? number(Math.round(n)) : n >= 10 ? n.toFixed(1) : n.toFixed(2)
const hour = seconds => new Date(seconds * 1000).toTimeString().slice(0, 5)

/** Axes for `most`, and what `draw({x, y})` puts between them. */
function Chart({ title, lead, label, most, points, draw, foot }) {
  const top = round(most), x = at => LEFT + at * (W - RIGHT - LEFT) / Math.max(1, points.length - 1), y = value => H - value / top * (H - 8)
  return html`<figure class="chart"><figcaption><h2>${title}</h2></figcaption><p>${lead}</p>
    <svg viewBox="0 0 ${W} ${H + 20}" role="img" aria-label=${label}>${[0, 0.5, 1].map(part => html`<line class="gl" x1=${LEFT} x2=${W - RIGHT} y1=${y(part * top)} y2=${y(part * top)} />
      <text x=${LEFT - 6} y=${y(part * top) + 4} text-anchor="end">${+(part * top).toPrecision(3)}</text>`)}
      ${points.length > 0 && html`<text x=${LEFT} y=${H + 16}>${hour(points[0].t)}</text><text x=${W - RIGHT} y=${H + 16} text-anchor="end">${hour(points.at(-1).t)}</text>`}${draw({ x, y })}</svg>
        <p class="legend">${foot}</p></figure>`
}

/** A line that has a gap where nothing was measured; what stands alone is a stroke. */
const line = (values, { x, y }) => values.map((value, at) => value == null ? '' : `${at && values[at - 1] != null ? 'L' : 'M'}${x(at).toFixed(1)} ${y(value).toFixed(1)}${values[at - 1] == null && values[at + 1] == null ? 'h-5' : ''}`).join('')

function Rates({ points, step, total }) {
  const rates = points.map(point => point.count / step), now = rates.at(-1) || 0, most = Math.max(0, ...rates)
  return html`<${Chart} title="Requests a second" lead=${html`<span class="big">
    ${figure(now)}</span> <span class="soft">now, ${figure(most)} at most, ${number(total)} in all</span>`} label=${`Requests a second: now ${figure(now)}, at most ${figure(most)}`} most=${most} points=${points} draw=${axes => html`<path class="ln" d=${line(rates, axes)} />`} />`
}

const CLASSES = [['2xx', 'ok'], ['4xx', 'warn'], ['5xx', 'bad'], ['broken', 'lost']]

function Statuses({ points, step }) {
  const sums = CLASSES.map(([name]) => points.reduce((sum, point) => sum + (point[name] || 0), 0)), all = sums.reduce((a, b) => a + b, 0)
  const share = at => all ? `${Math.round(100 * sums[at] / all)}%` : '–'
  const draw = ({ x, y }) => points.map((point, at) => {
    const width = Math.max(1, (W - RIGHT - LEFT) / points.length - 1)
    let sum = 0
    return CLASSES.map(([name, kind]) => { const low = sum; sum += (point[name] || 0) / step; return sum > low && html`<rect class=${kind} x=${(x(at) - width / 2).toFixed(1)} width=${width.toFixed(1)} y=${y(sum).toFixed(1)} height=${(y(low) - y(sum)).toFixed(1)} />` })
  })
  return html`<${Chart} title="Answers by status" lead=${html`<span class="big">
    ${share(0)}</span> <span class="soft">2xx</span>  ${share(1)} <span class="soft">4xx</span>  ${share(2)} <span class="soft">5xx</span>${sums[3] > 0 && html`  ${share(3)} <span class="soft">broken</span>`}`} label=${CLASSES.map(([name], at) => `${share(at)} ${name}`).join(', ')}
    most=${Math.max(0, ...points.map(point => point.count / step))} points=${points} draw=${draw} foot=${CLASSES.map(([name, kind]) => html`<span><i class=${kind}></i>${name}</span>`)} />`
}

function Latencies({ points }) {
  const of = name => points.map(point => point.count ? point[name] : null), newest = points.findLast(point => point.count)
  const most = Math.max(0, ...points.map(point => point.p99 || 0))
  const lines = [['p50', ''], ['p95', 'two-of'], ['p99', 'three-of']]
  const draw = axes => lines.map(([name, kind]) => html`<path class="ln ${kind}" d=${line(of(name), axes)} />`)
  const said = newest ? html`<span class="big">${figure(newest.p50)}</span> <span class="soft">half of them</span>  ${figure(newest.p99)} <span class="soft">all but 1 in 100</span>` : html`<span class="soft">Nothing in the last minutes.</span>`
  return html`<${Chart} title="Milliseconds to answer" lead=${said} label=${newest ? `Time to answer: p50 ${figure(newest.p50)}, p95 ${figure(newest.p95)}, p99 ${figure(newest.p99)} milliseconds` : 'No request in the last minutes'} most=${most} points=${points} draw=${draw} foot=${html`${lines.map(([name, kind]) => html`<span><svg class="key" viewBox="0 0 20 8" aria-hidden="true"><path class="ln ${kind}" d="M0 4H20" /></svg>${name}</span>`)}<span>without planned delays</span>`} />`
}

function Bounds({ bounds }) {
  const shown = (name, value) => value == null ? '' : /bytes|body|size/i.test(name) ? bytes(value) : number(value)
  return html`<div class="block"><h2>Bounds</h2><table><thead><tr><th>What</th><th>Now</th><th class="num">Bound</th><th class="num">Evicted</th></tr></thead><tbody>${bounds.map(bound => html`<tr><td>
    ${bound.name}</td><td class="nowrap"><span class="share" aria-hidden="true"><i style=${{ width: `${bound.limit ? Math.min(100, 100 * bound.used / bound.limit) : 0}%` }}></i></span>
    ${shown(bound.name, bound.used)}</td><td class="num">${shown(bound.name, bound.limit)}</td><td class="num ${bound.evictions ? '' : 'quiet'}">
    ${bound.evictions == null ? '' : number(bound.evictions)}</td></tr>`)}</tbody></table>
    <p class="help">Bounds are settings: <code>--journal-entries</code>, <code>--journal-bytes</code>, <code>--max-worlds</code>.</p></div>`
}

const Reasons = ({ byReason }) => html`<div class="block"><h2>Answers by reason</h2><table><thead><tr><th>Reason</th><th class="num">Answers</th></tr></thead><tbody>
  ${Object.entries(byReason).sort((a, b) => b[1] - a[1]).slice(0, 30).map(([reason, count]) => html`<tr><td><a class="mono" href=${address('requests', [], { reason })}>${reason}</a></td>
  <td class="num">${number(count)}</td></tr>`)}</tbody></table></div>`

export function Numbers() {
  const [round, setRound] = useState(0), [known, problem] = useAnswer(() => ask('GET', 'numbers', { world: '' }), round, true)
  useEffect(() => { const timer = setInterval(() => { if (!document.hidden) setRound(n => n + 1) }, READ_MS); return () => clearInterval(timer) }, [])
  const points = known?.seconds || [], step = points.length > 1 ? points[1].t - points[0].t : 10
  return html`<div class="page"><div class="head"><h2 class="title">Numbers</h2><p class="soft">All worlds; a point every ${step} seconds.</p></div>
    <${Problem} problem=${problem} />
    ${known && html`<div class="charts"><${Rates} points=${points} step=${step} total=${known.totals.requests} /><${Statuses} points=${points} step=${step} /><${Latencies} points=${points} /></div>
      <div class="two"><${Bounds} bounds=${known.bounds} /><${Reasons} byReason=${known.totals.byReason} /></div>`}</div>`
}
