// Worlds, their clocks and snapshots.
import { ask, chooseWorld, lookAround, part, readAnew } from './api.js'
import { Button, ago, attempt, bytes, clockTime, day, html, number, plural, seen, span, useAnswer, useState } from './parts.js'
import { state } from './state.js'

const value = id => document.getElementById(id).value.trim()

/** Do something, and read again what stands round the views. */
async function change(action, done) {
  await attempt(action, done)
  lookAround()
}

const setClock = (wanted, done) => change(() => ask('PUT', 'clock', { body: wanted }), done)

function Clock() {
  const { clock } = state
  if (!clock) return null
  const machine = clock.machineNow || new Date().toISOString(), offset = (Date.parse(clock.now) - Date.parse(machine)) / 1000
  const far = Math.abs(offset) >= 1 ? `${span(offset)} ${offset < 0 ? 'behind' : 'ahead of'} the machine’s` : 'with the machine’s'
  const words = clock.frozen
    ? `The machine’s clock says ${clockTime(machine)}: this one is ${far}. ${offset < 0 ? 'Signatures made now lie in its future and are refused. ' : offset > 900 ? 'Signatures made now are too old for it and are refused. ' : ''}Sign by this clock, or let it run.`
    : `It runs ${far}.`
  return html`<div class="block"><div class="head"><h2 class="title">Clock of world <code class="inherit">${seen(state.world)}</code></h2></div>
    <p class="now ${clock.frozen ? 'warn' : ''}"><span>${day(clock.now)} ${clockTime(clock.now)}</span> <span class="unit">UTC${clock.frozen ? ', frozen' : ''}</span></p><p class="say soft">
      ${words}</p>
    <div class="row"><${Button} kind=${clock.frozen ? 'pri' : ''} disabled=${!clock.frozen && !clock.offsetSeconds} title="Back to the machine’s clock" onClick=${() => setClock({ reset: true }, 'The clock runs with the machine’s.')}>Let it run<//>
      <span class="seg" role="group" aria-label="Advance">
        ${[['+1 s', 1], ['+1 min', 60], ['+15 min', 900], ['+1 day', 86400]].map(([name, seconds]) => html`<${Button} onClick=${() => setClock({ advance: seconds })}>${name}<//>`)}</span>
      <form class="row tight" onSubmit=${event => { event.preventDefault(); setClock({ freeze: value('freeze') }, 'The clock stands still.') }}>
        <input id="freeze" class="mono w-time-field" required placeholder="2026-01-31T12:00:00Z" aria-label="Freeze at, ISO 8601" /><button class="b">Freeze there</button></form></div></div>`
}

function Row({ world }) {
  const chosen = world.name === state.world, clock = world.clock
  const says = !clock ? '' : clock.frozen ? `frozen ${clockTime(clock.now)}` : Math.abs(clock.offsetSeconds) >= 1 ? `${span(clock.offsetSeconds)} ${clock.offsetSeconds > 0 ? 'ahead' : 'behind'}` : 'the machine’s'
  const remove = () => change(async () => { await ask('DELETE', `namespaces/${part(world.name)}`, { world: '' }); if (chosen) chooseWorld('default') }, `World ${world.name} is removed.`)
  return html`<tr><td><code>${seen(world.name)}</code>${chosen && html` <span class="quiet">chosen</span>`}</td><td class="num">${number(world.changedProfiles)}</td><td class="num">
    ${number(world.requests)}</td><td class="num">${number(world.faults)}</td><td class="num">${world.snapshots.length}</td>
    <td class="nowrap ${clock?.frozen ? 'warn' : 'soft'}">${says}</td><td class="num nowrap">${bytes(world.journalBytes)}</td><td class="soft nowrap">${ago(world.lastUsed)}</td>
    <td class="act">${!chosen && html`<${Button} kind="bare" onClick=${() => chooseWorld(world.name)}>Choose<//>`}<${Button} kind="bare" onClick=${() => askForReset(world.name)}>Reset…<//>
      <${Button} kind="bare" sure disabled=${world.name === 'default'} title=${world.name === 'default' ? 'The world default can’t be removed; reset it instead' : ''} onClick=${remove}>Remove<//></td>
      </tr>`
}

function askForReset(world) {
  const dialog = document.getElementById('reset'), form = dialog.querySelector('form')
  document.getElementById('resetw').textContent = world
  form.onsubmit = event => {
    if (event.submitter.value !== 'reset') return
    const which = new FormData(form).get('part')
    change(async () => { await ask('POST', which ? `reset/${which}` : 'reset', { world }); if (which !== 'faults') readAnew() }, `World ${world} is reset.`)
  }
  dialog.showModal()
}

function WorldList() {
  const most = state.settings.max_worlds
  return html`<div class="block"><div class="head"><h2>Worlds</h2><p class="soft">
    ${state.worlds.length}${most ? ` of at most ${number(most)}; the least recently used go first` : ''}. ${state.evictions ? `${plural(state.evictions, 'was', 'were')} evicted.` : 'None was evicted.'}</p></div>
    <div class="scroll" tabindex="0" role="region" aria-label="Worlds"><table><thead><tr><th>World</th><th class="num">Changed profiles</th><th class="num">Requests</th><th class="num">Faults</th>
      <th class="num">Snapshots</th><th>Clock</th><th class="num">Journal</th><th>Last used</th><th><span class="sr">Actions</span></th></tr></thead>
      <tbody>${state.worlds.slice(0, 200).map(world => html`<${Row} key=${world.name} world=${world} />`)}</tbody></table></div></div>`
}

function Snapshots() {
  const [version, setVersion] = useState(0)
  const [names] = useAnswer(async () => {
    const { snapshots } = await ask('GET', 'snapshots')
    return Promise.all(snapshots.slice(0, 100).map(name => ask('GET', `snapshots/${part(name)}`)))
  }, `${state.world} ${version}`)
  const act = async (action, done) => { await change(action, done); setVersion(version + 1) }
  const keep = event => { event.preventDefault(); act(() => ask('POST', `snapshots/${part(value('newsnapshot'))}`), 'Kept.') }
  return html`<div class="block"><div class="head"><h2>Snapshots of <code>${seen(state.world)}</code></h2>
    <p class="soft">A snapshot keeps this world’s profiles under a name, to be restored as often as wanted.</p>
      <form class="push row tight" onSubmit=${keep}><input id="newsnapshot" class="mono w-name" required placeholder="name" aria-label="Name of a new snapshot" />
        <button class="b">Keep as it is now</button></form></div>
    ${names?.length ? html`<table class="small"><thead><tr><th>Name</th><th class="num">Changed profiles</th><th><span class="sr">Actions</span></th></tr></thead><tbody>
      ${names.map(one => html`<tr key=${one.name}><td><code>${seen(one.name)}</code></td><td class="num">${one.changedProfiles}</td>
      <td class="act"><${Button} kind="bare" onClick=${() => act(() => ask('POST', `snapshots/${part(one.name)}/restore`), `Restored ${one.name}.`)}>Restore<//>
        <${Button} kind="bare" sure onClick=${() => act(() => ask('DELETE', `snapshots/${part(one.name)}`), 'Forgotten.')}>Forget<//></td></tr>`)}</tbody>
        </table>` : html`<p class="soft">None is kept.</p>`}</div>`
}

export function Worlds() {
  const one = state.world !== '*'
  return html`<div class="page">${one && html`<${Clock} />`}<${WorldList} />${one && html`<${Snapshots} />`}</div>`
}
