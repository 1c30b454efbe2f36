// Change a request and see what it would be answered; or really send it. The server signs both.
import { ask, part } from './api.js'
import { Button, Difference, Problem, Provenance, Status, attempt, html, pretty, seen, told, useEffect, useState } from './parts.js'
import { openRequest } from './filter.js'
import { state, update } from './state.js'
import { Steps } from './story.js'

/** What a dry run answered: status, story, operations and difference. */
function Outcome({ answer }) {
  const operations = (answer.operations || []).map((one, index) => ({ index, ...one.operation, ...one }))
  const said = told(answer.story, answer.reason)
  return html`<div class="block"><p class="row"><${Status} status=${answer.status} /><code>${answer.reason}</code><${Provenance} mark=${answer.provenance} /></p>
    <p class="say">${seen(said)} ${answer.hint && html`<span class="soft">${seen(answer.hint)}</span>`}</p>
    ${operations.length > 0 && html`<${Steps} operations=${operations} hint=${answer.hint} />`}
    ${answer.changes?.length > 0 && html`<h3>It would change</h3><${Difference} rows=${answer.changes} label="What would change" />`}</div>`
}

export function Trial({ entry }) {
  const [text, setText] = useState(() => pretty(entry.request.body)), [answer, setAnswer] = useState(null), [problem, setProblem] = useState(null), [busy, setBusy] = useState(false)
  const path = `requests/${part(entry.id)}`, world = entry.mock.world
  const run = async () => {
    setBusy(true); setProblem(null)
    try { setAnswer(await ask('POST', `${path}/try`, { world, body: { body: text } })) } catch (wrong) { setProblem(wrong); setAnswer(null) }
    setBusy(false)
  }
  const send = () => attempt(async () => {
    const sent = await ask('POST', `${path}/resend`, { world, body: { body: text } })
    openRequest(sent.id)
  }, 'Sent.')
  // The key t asks for a try at once.
  useEffect(() => { if (state.tryAtOnce) { update({ tryAtOnce: false }); run() } }, [state.tryAtOnce])
  const off = busy || state.link !== 'live'
  return html`<div class="block"><label for="trial"><h3>Body</h3></label>
      <textarea id="trial" class="mono" rows=${Math.min(16, Math.max(4, text.split('\n').length))} spellcheck="false" value=${text} onInput=${event => setText(event.target.value)}></textarea>
      <div class="row"><${Button} kind="pri" disabled=${off} title="A dry run: nothing changes, no fault counts it (t)" onClick=${run}>Try<//>
        <${Button} disabled=${off} title="Signed anew and really sent" onClick=${send}>Send<//>
        <span class="help">Try changes nothing. Both are signed by the server${entry.mock.user ? ` for ${seen(entry.mock.user)}` : ''}, to ${seen(entry.request.url).slice(0, 120)}.</span></div></div>
    <div aria-live="polite">${problem && html`<${Problem} problem=${problem} />`}${answer && html`<${Outcome} answer=${answer} />`}</div>`
}
