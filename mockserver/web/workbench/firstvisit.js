// What a first visitor reads before any request came.
import { ask } from './api.js'
import { CopyBox, clockTime, html, useAnswer } from './parts.js'
import { address, state } from './state.js'

export function FirstVisit() {
  const [example] = useAnswer(() => ask('GET', 'example'), `example ${state.world}`)
  const [profiles] = useAnswer(() => ask('GET', 'profiles', { query: { limit: 1 } }), state.world)
  const url = location.origin
  return html`<div class="empty">
    <div class="block"><h2 class="title">Nothing has come yet</h2>
      <p class="say soft">The mock listens on <code>${url}</code>${profiles ? ` with ${profiles.meta.total} profiles` : ''}. It answers PATCH as MyPreferences would, and tells here why. This page is listening: the first request opens by itself.</p></div>
    <ol>
      <li><div><h3>Send one</h3>
        ${example ? html`<${CopyBox} text=${example.curl} label="A signed request for the shell" /><p class="help">The signature is valid until ${clockTime(example.validUntil)}. <code>mockserver sign</code> makes a new one; <code>--auth off</code> needs none.</p>`
          : html`<p class="say soft">The server printed a signed request when it started; <code>mockserver sign</code> makes a new signature.</p>`}</div></li>
      <li><div><h3>Or point your application here</h3>
        <p class="say soft">Base URL <code>${url}</code>. A world of its own for each test: header <code>X-Mock-Namespace: my-test</code>, or <code>~my-test</code> after the clientId.</p></div></li>
      <li><div><h3>Then break it</h3>
        <p class="say soft">Write <code>/CustomerTipe</code> and read what it was refused for, or let about every third request be applied and then fail, under <a href=${address('faults', [], { text: '500 p=0.3 after-commit' })}>Faults</a>: <code>500 p=0.3 after-commit</code>.</p></div></li>
    </ol></div>`
}
