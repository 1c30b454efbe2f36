// Build a patch by pointing at members; what each dialect would answer stands beside it.
import { ask, part } from './api.js'
import { Button, Icon, Problem, Status, attempt, copy, html, json, quoted, seen, told, useEffect, useState } from './parts.js'
import { address, go, state, update } from './state.js'

const OPS = ['add', 'replace', 'remove', 'test', 'move', 'copy']
const DIALECTS = ['vendor', 'library', 'rfc6902']

/** Add an operation on the member that somebody pointed at. */
export function addOperation({ path, value, readOnly }) {
  update({ patch: [...state.patch, { op: readOnly ? 'test' : 'replace', path, value: json(value) }] })
}

function valueOf(text) { try { return { value: JSON.parse(text) } } catch { return { wrong: true } } }

/** The patch as JSON; null where a value is none. */
function patchOf(operations) {
  const read = operations.map(({ op, path, from, value }) => {
    if (op === 'remove') return { op, path }
    if (op === 'move' || op === 'copy') return { op, from: from || '', path }
    const { value: given, wrong } = valueOf(value)
    return wrong ? null : { op, path, value: given }
  })
  return read.includes(null) ? null : read
}

function Operation({ one, index, members, profile, template, kindOf }) {
  const set = change => update({ patch: state.patch.map((other, at) => at === index ? { ...other, ...change } : other) })
  const member = members[template(one.path)], now = one.path.split('/').slice(1).reduce((held, name) => held?.[name.replaceAll('~1', '/').replaceAll('~0', '~')], profile)
  const help = [kindOf(members, one.path), now !== undefined && `now ${json(now).slice(0, 60)}`].filter(Boolean).join('; ')
  const field = (name, label) => html`<input class="mono" value=${one[name] || ''} aria-label=${`${label} of operation ${index}`} placeholder=${label} spellcheck="false" aria-describedby=${`oh${index}`} onInput=${event => set({ [name]: event.target.value })} />`
  return html`<div class="op"><div class="opline"><span class="quiet mono n">${index}</span>
      <select class="mono" aria-label=${`Operation ${index}`} value=${one.op} onChange=${event => set({ op: event.target.value })}>${OPS.map(op => html`<option value=${op}>${op}</option>`)}</select>
        ${field('path', 'Path')}
      <${Button} kind="bare" aria-label=${`Take operation ${index} out`} onClick=${() => update({ patch: state.patch.filter((_, at) => at !== index) })}><${Icon} name="close" /><//></div>
    <div class="body">${one.op === 'remove' ? '' : one.op === 'move' || one.op === 'copy' ? field('from', 'From') : field('value', 'Value')}
      <p class="help" id=${`oh${index}`}>${member?.readOnly && one.op !== 'test' && html`<span class="warn">Read-only: only a test is allowed here. </span>`}${!['remove', 'move', 'copy'].includes(one.op) && valueOf(one.value).wrong && html`<span class="warn">No JSON: a text stands in quotes. </span>`}${seen(help)}</p></div></div>`
}

const Answers = ({ answers }) => html`<ol class="dialects">${Object.entries(answers).map(([name, answer]) => html`<li key=${name}><span class="who">${name}</span><${Status} status=${answer.status} />
  <span><code>${answer.reason}</code><br /><span class="soft">${seen(told(answer.story, answer.reason)).slice(0, 600)}${answer.hint && ` ${seen(answer.hint)}`}</span></span>
  </li>`)}</ol>`

const profileUrl = ids => `/${part(ids[0])}/Profile/AlternateIdType/${part(ids[1])}/AlternateId/${part(ids[2])}`
const curlOf = (ids, patch) => [`curl -i --request PATCH ${quoted(location.origin + profileUrl(ids))}`, `--header "Authorization: $(${state.sign} --client ${quoted(ids[0])})"`, `--header 'Content-Type: application/json-patch+json'`,
  ...(state.world === 'default' ? [] : [`--header ${quoted(`X-Mock-Namespace: ${state.world}`)}`]), `--data-binary ${quoted(JSON.stringify(patch))}`].join(' \\\n  ')

/** Really send the patch, signed by the server. */
async function send(body) {
  const sent = await ask('POST', 'send', { body })
  update({ patch: [] })
  go(address('requests', [sent.id]))
}

export function Builder({ ids, members, profile, template, kindOf }) {
  const patch = patchOf(state.patch), text = JSON.stringify(patch)
  const body = { client: ids[0], alternateIdType: ids[1], alternateId: ids[2], body: patch, sign: true }
  const [answers, setAnswers] = useState(null), [problem, setProblem] = useState(null)
  useEffect(() => {
    if (!patch) return
    let wanted = true
    const timer = setTimeout(async () => {
      try { const { dialects } = await ask('POST', 'try', { body: { ...body, dialects: DIALECTS } }); if (wanted) { setAnswers(dialects); setProblem(null) } } catch (wrong) { if (wanted) setProblem(wrong) }
    }, 250)
    return () => { wanted = false; clearTimeout(timer) }
  }, [text, json(profile)])
  const off = !patch || state.link !== 'live'
  return html`<div class="col builder"><div class="bar"><h2>Patch builder</h2><span class="quiet">point at a member to add an operation</span></div>
    <div class="inside">${state.patch.map((one, index) => html`<${Operation} key=${index} one=${one} index=${index} members=${members} profile=${profile} template=${template} kindOf=${kindOf} />`)}
      ${!state.patch.length && html`<p class="soft">No operation yet: an empty patch [] answers with the profile and changes nothing.</p>`}
      <div class="row acts"><${Button} kind="pri" disabled=${off} title="Signed by the server, and really sent" onClick=${() => attempt(() => send(body), 'Sent.')}>Send to ${seen(state.world).slice(0, 30)}<//>
        <${Button} disabled=${!patch} onClick=${() => copy(curlOf(ids, patch))}>Copy as curl<//>
          <${Button} kind="bare" onClick=${() => update({ patch: [...state.patch, { op: 'add', path: '/', value: '""' }] })}>Add<//></div>
      <h3>What each dialect would answer</h3><div aria-live="polite"><${Problem} problem=${problem} />${answers && html`<${Answers} answers=${answers} />`}</div>
      <p class="help">A dry run: nothing changes and no fault counts it. The server runs with <code>--dialect ${state.settings.dialect}</code>.</p></div></div>`
}
