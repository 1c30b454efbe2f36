// Which requests are shown. The filter and the open request stand in the address, so that a link can carry them.
import { address, go, state } from './state.js'

const FIELDS = {
  op: row => row.ops.map(one => one.op), path: row => row.ops.map(one => one.path), user: row => row.user, client: row => row.client,
  world: row => row.world, id: row => [row.id, row.alternateId], type: row => row.alternateIdType, reason: row => row.reason, status: row => row.status ?? row.connection,
  method: row => row.method, fault: row => row.fault, url: row => row.url, operation: row => row.operation,
  changed: row => row.changed ? 'yes' : 'no',
}
const texts = (row, field) => [FIELDS[field](row)].flat().map(value => String(value ?? '').toLowerCase())

/** Words that a row must hold: "gold", "user:editor", "op:replace path:/Emails". */
function wordsOf(text) {
  return text.toLowerCase().split(/\s+/).filter(Boolean).map(word => {
    const [, field, value] = /^(\w+):(.+)$/.exec(word) || []
    return field in FIELDS ? row => texts(row, field).some(held => held.includes(value)) : row => row.haystack.includes(word)
  })
}

function withHaystack(row) {
  row.haystack ??= [...Object.keys(FIELDS).flatMap(field => texts(row, field)), `${row.alternateIdType}/${row.alternateId}`.toLowerCase()].join(' ')
  return row
}

export function filterOf(query) {
  return { q: query.get('q') || '', status: query.get('status') || '', reason: query.get('reason') || '', odd: query.get('odd') || '' }
}

export function shownRows() {
  const { q, status, reason, odd } = filterOf(state.route.query), words = wordsOf(q)
  return state.rows.filter(row => (!status || (status === 'c' ? row.changed : String(row.status ?? 0)[0] === status)) && (!reason || row.reason === reason) &&
    (!odd || row.surprising) && (!words.length || words.every(fits => fits(withHaystack(row)))))
}

export function setFilter(change) {
  const { route } = state, tab = route.query.get('tab')
  go(address('requests', route.rest, { ...filterOf(route.query), tab, ...change }), true)
}

export function openRequest(id, quietly = false) {
  const tab = state.route.query.get('tab')
  go(address('requests', id ? [id] : [], { ...filterOf(state.route.query), tab: id && tab }), quietly)
}
