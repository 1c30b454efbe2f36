// What a first visitor reads before any request came; the words stand in the page.
import { ask } from './api.js'
import { Button, CopyBox, attempt, clockTime, html, useAnswer, useEffect, useRef } from './parts.js'
import { state } from './state.js'

export function FirstVisit() {
  const place = useRef()
  const [example] = useAnswer(() => ask('GET', 'example'), state.world)
  useEffect(() => {
    place.current.append(document.getElementById('firstvisit').content.cloneNode(true))
    for (const url of place.current.querySelectorAll('.url')) url.textContent = location.origin
  }, [])
  return html`<div class="empty"><div class="block" ref=${place}></div>${example && html`<div class="block"><h3>A signed request</h3>
    <${CopyBox} text=${example.curl} label="A signed request for the shell" />
    <p class="row"><${Button} kind="pri" onClick=${() => attempt(() => ask('POST', 'send', { body: example.request }), 'Sent.')}>Send it from here<//></p>
    <p class="help">The signature is valid until ${clockTime(example.validUntil)}. <code>mockserver sign</code> makes a new one; <code>--auth off</code> needs none.</p></div>`}</div>`
}
