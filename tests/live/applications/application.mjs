// Change a profile's type, hide the profile and bring it back, in JSON and then in XML.
// Usage: node application.mjs URL CLIENT USER TYPE ID, with the user's key in the environment as SECRET_KEY.

import { createHmac } from 'node:crypto'

const [url, client, user, kind, identifier] = process.argv.slice(2)
const place = `AlternateIdType/${encodeURIComponent(kind)}/AlternateId/${encodeURIComponent(identifier)}`

function authorization() {
  const stamp = `${new Date().toISOString().slice(0, 19)}Z`
  const signature = createHmac('sha256', process.env.SECRET_KEY).update(`${client}:${user}:${stamp}`).digest('base64')
  return `PNAUTHINFO3-HMAC-SHA256 Credential=${user}/${stamp} Signature=${signature}`
}

async function send(form, method, path, body) {
  const headers = { Authorization: authorization(), Accept: `application/${form}` }
  if (body !== undefined) headers['Content-Type'] = `application/${form}`
  const answer = await fetch(`${url}/${client}/Profile/${path}`, { method, headers, body })
  return { status: answer.status, body: await answer.text() }
}

function patch(form, value) {
  if (form === 'json') return send(form, 'PATCH', place, JSON.stringify([{ op: 'replace', path: '/CustomerType', value }]))
  const root = 'JsonPatchDocumentOfUserProfile5B0F46o8'
  const operation = `<op>replace</op><path>/CustomerType</path><value>${value}</value>`
  const operations = `<Operations><OperationOfUserProfile>${operation}</OperationOfUserProfile></Operations>`
  const namespace = 'http://schemas.datacontract.org/2004/07/Microsoft.AspNetCore.JsonPatch'
  return send(form, 'PATCH', place, `<${root} xmlns="${namespace}">${operations}</${root}>`)
}

function member(form, profile, name) {
  if (form === 'json') return JSON.parse(profile)[name]
  return profile.match(new RegExp(`<${name}>([^<]*)</${name}>`))[1]
}

for (const [form, changed] of [['json', 'Prospect'], ['xml', 'Lead']]) {
  const tell = (what, { status, body }, profile = true) => {
    const known = profile && status === 200 ? ` ${member(form, body, 'CustomerType')}` : ''
    console.log(`${form}: ${what} ${status}${known}`)
  }
  const first = await send(form, 'GET', place)
  tell('read', first)
  const number = member(form, first.body, 'ProfileId')
  tell('patch', await patch(form, changed))
  tell('read back', await send(form, 'GET', place))
  tell('deactivate', await send(form, 'POST', `${number}/Deactivate`), false)
  tell('patch', await patch(form, 'Nobody'))
  tell('activate', await send(form, 'POST', `${number}/Activate`), false)
  tell('read', await send(form, 'GET', place))
}
