"""What Redis runs: one script for each step that must happen as a whole. Every check comes before the first write.

A world's keys are `header` (a hash of its small state), `profiles` (slot to version, a blank and the changed bytes,
none for deleted), `index` (key to slot, empty for none), `journal` (a list: number, a blank, the exchange) and
`snapshots` (a hash). All but `header` differ from a fresh world's by what was changed. `sequence` counts up for all
numbers. A world's `epoch` tells it from an earlier one of its name, also in a database that was emptied, so that nobody
writes into another; `version` counts changes of its clock and its rules, `revision` also those of the rules' counters.
"""

from __future__ import annotations

from hashlib import sha1
from typing import Final

PREFIX: Final = "mockserver:3:"
"""The 3 is the layout's version: servers with another layout don't read this one's keys."""

GONE: Final = -1
"""A script's answer when the world was deleted or made anew since the caller saw it; nothing was written."""

STALE: Final = -2
"""A script's answer when what the caller saw has changed; nothing was written."""


FULL: Final = -3
"""A script's answer when a bound of the world is reached; nothing was written."""


class Script:
    """A Lua script; one that is `repeatable` does no harm when it runs twice."""

    __slots__ = ("repeatable", "sha", "text")

    def __init__(self, text: str, *, repeatable: bool = False) -> None:
        self.text = f"local P = '{PREFIX}'\n{text}"
        self.sha = sha1(self.text.encode(), usedforsecurity=False).hexdigest()
        self.repeatable = repeatable


# What other scripts begin with.
_FORGET = """
local function forget_journal(name)
  local bytes = redis.call('ZSCORE', P..'journals', name)
  if bytes then
    redis.call('DECRBY', P..'journal-bytes', string.format('%d', tonumber(bytes)))
    redis.call('ZREM', P..'journals', name)
  end
  redis.call('UNLINK', P..'journal:'..name)
end
local function forget(name)
  forget_journal(name)
  redis.call('UNLINK', P..'header:'..name, P..'profiles:'..name, P..'index:'..name, P..'snapshots:'..name)
end
"""
_GUARD = """
if redis.call('HGET', P..'header:'..ARGV[1], 'epoch') ~= ARGV[2] then return -1 end
"""

_READ_PROFILE = """
local function read_profile(name, key, slot)
  slot = redis.call('HGET', P..'index:'..name, key) or slot
  return slot ~= '' and {slot, redis.call('HGET', P..'profiles:'..name, slot)}
end
"""
_READ_HEADER = """
local function read_header(name)
  return redis.call('HMGET', P..'header:'..name, 'epoch', 'version', 'revision', 'seed', 'frozen', 'offset', 'faults',
    'counters', 'next', 'fixtures')
end
"""
# From `at` on: number of freed keys, these, then key and the fixtures' slot for each key that leads to the profile from
# now on. Answers with 0 and the new version, or with the position of a key that leads to another profile.
_COMMIT = """
local function version_of(stored) return stored and string.match(stored, '^%d+') or '' end
local function commit(name, slot, body, at)
  local index = P..'index:'..name
  local first = at + 1 + tonumber(ARGV[at])
  for i = first, #ARGV, 2 do
    local owner = redis.call('HGET', index, ARGV[i]) or ARGV[i + 1]
    if owner ~= '' and owner ~= slot then return (i - first) / 2 + 1 end
  end
  local version = redis.call('INCR', P..'sequence')
  redis.call('HSET', P..'profiles:'..name, slot, version..' '..body)
  for i = at + 1, first - 1 do redis.call('HSET', index, ARGV[i], '') end
  for i = first, #ARGV, 2 do redis.call('HSET', index, ARGV[i], slot) end
  return 0, version
end
"""
# Keeps an exchange, unless it is empty, under a number, by default the next; answers with the number.
_APPEND = """
local function append(name, exchange, most_entries, most_bytes, most_of_all, number)
  number = number or redis.call('INCR', P..'sequence')
  if exchange == '' then return number end
  exchange = number..' '..exchange
  local header, list = P..'header:'..name, P..'journal:'..name
  local length = redis.call('RPUSH', list, exchange)
  local bytes, freed, dropped = redis.call('HINCRBY', header, 'bytes', #exchange), 0, 0
  local function drop_oldest(key)
    local oldest = redis.call('LPOP', key)
    if oldest then freed, dropped = freed + #oldest, dropped + 1 end
    return oldest
  end
  local function note(key, world)
    redis.call('HINCRBY', key, 'bytes', -freed)
    redis.call('HINCRBY', key, 'dropped', dropped)
    redis.call('ZINCRBY', P..'journals', -freed, world)
    freed, dropped = 0, 0
  end
  redis.call('HINCRBY', header, 'total', 1)
  redis.call('INCR', P..'appended')
  while length - dropped > tonumber(most_entries) or bytes - freed > tonumber(most_bytes) do drop_oldest(list) end
  local all = redis.call('INCRBY', P..'journal-bytes', #exchange - freed)
  redis.call('ZINCRBY', P..'journals', #exchange, name)
  if dropped > 0 then note(header, name) end
  while all > tonumber(most_of_all) do
    local largest = redis.call('ZREVRANGE', P..'journals', 0, 0, 'WITHSCORES')
    local half = tonumber(largest[2]) / 2
    while freed < half and drop_oldest(P..'journal:'..largest[1]) do end
    if freed == 0 then break end
    all = redis.call('DECRBY', P..'journal-bytes', freed)
    note(P..'header:'..largest[1], largest[1])
  end
  return number
end
"""

OPEN = Script(
    _FORGET
    + _READ_PROFILE
    + _READ_HEADER
    + """
-- name, touch, may make, limit, fingerprint, seed, faults, next slot, what no other start of a world says,
-- and, to read a profile along, what READ_PROFILE asks for after the name
local name, header = ARGV[1], P..'header:'..ARGV[1]
local values, evicted = read_header(name), {}
local made = not values[1]
if made then
  if ARGV[3] == '0' then return {} end
  if redis.call('SETNX', P..'fixtures', ARGV[5]) == 0 then values[10] = redis.call('GET', P..'fixtures') end
end
if values[10] and values[10] ~= ARGV[5] then return 'other fixtures' end
local number = redis.call('INCR', P..'sequence')
if made then
  redis.call('HSET', header, 'epoch', number..'.'..ARGV[9], 'version', number, 'revision', number, 'seed', ARGV[6],
    'frozen', '', 'offset', 0, 'faults', ARGV[7], 'counters', '{}', 'next', ARGV[8], 'fixtures', ARGV[5],
    'bytes', 0, 'total', 0, 'dropped', 0)
  values = read_header(name)
end
if name ~= 'default' and (made or ARGV[2] == '1') then redis.call('ZADD', P..'worlds', number, name) end
while made and redis.call('ZCARD', P..'worlds') > tonumber(ARGV[4]) do
  local oldest = redis.call('ZPOPMIN', P..'worlds')[1]
  forget(oldest)
  redis.call('INCR', P..'evictions')
  evicted[#evicted + 1] = oldest
end
return {values, evicted, ARGV[10] and read_profile(name, ARGV[10], ARGV[11]) or false}
""",
    repeatable=True,
)

DELETE = Script(
    _FORGET
    + """
local known = redis.call('ZREM', P..'worlds', ARGV[1])
forget(ARGV[1])
return known
""",
)

RESET = Script(
    _FORGET
    + _GUARD
    + """
-- name, epoch, faults, next slot
local number = redis.call('INCR', P..'sequence')
redis.call('UNLINK', P..'profiles:'..ARGV[1], P..'index:'..ARGV[1])
redis.call('HSET', P..'header:'..ARGV[1], 'version', number, 'revision', number, 'frozen', '', 'offset', 0,
  'faults', ARGV[3], 'counters', '{}', 'next', ARGV[4], 'bytes', 0, 'dropped', 0)
forget_journal(ARGV[1])
return 0
""",
    repeatable=True,
)

SWAP_FAULTS = Script(
    _GUARD
    + """
-- name, epoch, revision, counters, faults (none: as they are); answers with the new revision
local header = P..'header:'..ARGV[1]
if redis.call('HGET', header, 'revision') ~= ARGV[3] then return -2 end
local revision = redis.call('INCR', P..'sequence')
redis.call('HSET', header, 'revision', revision, 'counters', ARGV[4])
if ARGV[5] then redis.call('HSET', header, 'version', revision, 'faults', ARGV[5]) end
return revision
""",
)

SET_CLOCK = Script(
    _GUARD
    + """
-- name, epoch, microseconds since 1970 or empty, offset in microseconds
local number = redis.call('INCR', P..'sequence')
redis.call('HSET', P..'header:'..ARGV[1], 'version', number, 'revision', number, 'frozen', ARGV[3], 'offset', ARGV[4])
return 0
""",
    repeatable=True,
)

ADVANCE_CLOCK = Script(
    _GUARD
    + """
-- name, epoch, microseconds
local header = P..'header:'..ARGV[1]
local field = redis.call('HGET', header, 'frozen') == '' and 'offset' or 'frozen'
redis.call('HINCRBY', header, field, ARGV[3])
local number = redis.call('INCR', P..'sequence')
redis.call('HSET', header, 'version', number, 'revision', number)
return 0
""",
)

READ_PROFILE = Script(
    _READ_PROFILE
    + """
-- name, key, the fixtures' slot or empty; answers with slot and changed bytes
return read_profile(ARGV[1], ARGV[2], ARGV[3])
""",
    repeatable=True,
)

COMMIT_PROFILE = Script(
    _GUARD
    + _COMMIT
    + """
-- name, epoch, slot, version that was seen, new bytes, and what `commit` reads; answers as it does, with no version
local slot, header = ARGV[3], P..'header:'..ARGV[1]
if version_of(redis.call('HGET', P..'profiles:'..ARGV[1], slot)) ~= ARGV[4] then return -2 end
local refused = commit(ARGV[1], slot, ARGV[5], 6)
if refused == 0 and tonumber(slot) >= tonumber(redis.call('HGET', header, 'next')) then
  redis.call('HSET', header, 'next', tonumber(slot) + 1)
end
return refused
""",
)

SETTLE = Script(
    _READ_PROFILE
    + _READ_HEADER
    + _COMMIT
    + _APPEND
    + """
-- name, epoch, version, exchange, its three bounds, key or nothing, the fixtures' slot, slot and version that were
-- seen, and, to change the profile, its new bytes and what `commit` reads.
-- Answers with the request's number, which is also the profile's new version; with nothing for a world that is gone;
-- with STALE, the header and the profile; or with FULL and the position of a key that leads to another profile.
local name, number = ARGV[1], nil
local header = redis.call('HMGET', P..'header:'..name, 'epoch', 'version')
if header[1] ~= ARGV[2] then return {} end
local found = ARGV[8] ~= '' and read_profile(name, ARGV[8], ARGV[9])
local slot, seen = found and found[1] or '', found and version_of(found[2]) or ''
if header[2] ~= ARGV[3] or slot ~= ARGV[10] or seen ~= ARGV[11] then return {-2, read_header(name), found} end
if ARGV[12] then
  local refused
  refused, number = commit(name, slot, ARGV[12], 13)
  if refused ~= 0 then return {-3, refused} end
end
number = append(name, ARGV[4], ARGV[5], ARGV[6], ARGV[7], number)
if name ~= 'default' then redis.call('ZADD', P..'worlds', number, name) end
return number
""",
)

READ_OVERLAY = Script(
    """
return {redis.call('HGET', P..'header:'..ARGV[1], 'next'), redis.call('HGETALL', P..'profiles:'..ARGV[1]),
  redis.call('HGETALL', P..'index:'..ARGV[1])}
""",
    repeatable=True,
)

WRITE_OVERLAY = Script(
    _GUARD
    + """
-- name, epoch, next slot, length of the first list, slot and bytes …, key and slot …
local profiles, index, first = P..'profiles:'..ARGV[1], P..'index:'..ARGV[1], 5 + tonumber(ARGV[4])
redis.call('UNLINK', profiles, index)
local version = redis.call('INCR', P..'sequence')
for i = 5, first - 1, 2 do redis.call('HSET', profiles, ARGV[i], version..' '..ARGV[i + 1]) end
for i = first, #ARGV, 2 do redis.call('HSET', index, ARGV[i], ARGV[i + 1]) end
redis.call('HSET', P..'header:'..ARGV[1], 'next', ARGV[3])
return 0
""",
    repeatable=True,
)

KEEP_SNAPSHOT = Script(
    _GUARD
    + """
-- name, epoch, snapshot's name, snapshot, most snapshots
local snapshots = P..'snapshots:'..ARGV[1]
if redis.call('HEXISTS', snapshots, ARGV[3]) == 0 and redis.call('HLEN', snapshots) >= tonumber(ARGV[5]) then
  return -3
end
return redis.call('HSET', snapshots, ARGV[3], ARGV[4])
""",
    repeatable=True,
)

DROP_SNAPSHOT = Script(
    _GUARD
    + """
return redis.call('HDEL', P..'snapshots:'..ARGV[1], ARGV[3])
""",
    repeatable=True,
)

APPEND_EXCHANGE = Script(
    _GUARD
    + _APPEND
    + """
-- name, epoch, exchange, most entries, most bytes, most bytes of all worlds together; answers with its number
return append(ARGV[1], ARGV[3], ARGV[4], ARGV[5], ARGV[6])
""",
)

REMOVE_EXCHANGE = Script(
    _GUARD
    + """
-- name, epoch, exchange
local removed = redis.call('LREM', P..'journal:'..ARGV[1], 1, ARGV[3])
if removed == 1 then
  redis.call('HINCRBY', P..'header:'..ARGV[1], 'bytes', -#ARGV[3])
  redis.call('ZINCRBY', P..'journals', -#ARGV[3], ARGV[1])
  redis.call('DECRBY', P..'journal-bytes', #ARGV[3])
end
return removed
""",
)

CLEAR_JOURNAL = Script(
    _FORGET
    + _GUARD
    + """
forget_journal(ARGV[1])
redis.call('HSET', P..'header:'..ARGV[1], 'bytes', 0, 'dropped', 0)
return 0
""",
    repeatable=True,
)
