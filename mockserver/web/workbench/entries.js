// Rows of the list from whole entries, for a server that has no rows of its own.

const rowOf = ({ id, request, response, mock }) => ({
  id, method: request.method, operation: mock.operation, url: request.url, at: request.loggedDateString, status: response.status,
  world: mock.world, user: mock.user, reason: mock.reason, provenance: mock.provenance, fault: mock.fault, ms: mock.durationMs,
  client: mock.profile?.client, alternateIdType: mock.profile?.type, alternateId: mock.profile?.id,
  ops: mock.operations.slice(0, 20), opsTotal: mock.operations.length, changed: mock.changes.length,
  surprising: response.status >= 300 || !!mock.fault,
})

/** Return the rows of entries that come with the newest first, the oldest first. */
export const rowsOf = entries => entries.map(rowOf).reverse()
