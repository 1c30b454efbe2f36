"""What Redis runs: one script for each step that must happen as a whole. Every check comes before the first write.

A world's keys are `header` (a hash of its small state), `profiles` (slot to the changed bytes, none for deleted),
`versions` (slot to version), `index` (key to slot, empty for none), `journal` (number to exchange, and number with a
plus to the profile that it left behind), `numbers` (a list: number, a colon, the bytes of that exchange) and
`snapshots` (a hash). What is large is never read to look at what is small beside it. All but `header` differ from a
fresh world's by what was changed. `sequence` counts up for all numbers. A world's `epoch` tells it from an earlier one
of its name, also in a database that was emptied, so that nobody writes into another; `version` counts changes of its
clock and its rules, `revision` also those of the rules' counters. A profile's versions are drawn: an emptied database
counts anew, while processes still know what they saw in it.
"""

from __future__ import annotations

from hashlib import sha1
from typing import Final

from mockserver.state.redis import lua

PREFIX: Final = "mockserver:4:"
"""The 4 is the layout's version: servers with another layout don't read this one's keys."""

GONE: Final = -1
"""A script's answer when the world was deleted or made anew since the caller saw it; nothing was written."""

STALE: Final = -2
"""A script's answer when what the caller saw has changed; nothing was written."""


FULL: Final = -3
"""A script's answer when a bound of the world is reached; nothing was written."""

TOO_LARGE: Final = -4
"""A script's answer when the world would hold more bytes than it may; nothing was written."""

CROWDED: Final = -5
"""A script's answer when it did what it should, and all worlds together hold more bytes than they may."""


class Script:
    """A Lua script; one that is `repeatable` does no harm when it runs twice."""

    __slots__ = ("repeatable", "sha", "text")

    def __init__(self, text: str, *, repeatable: bool = False) -> None:
        self.text = f"local P = '{PREFIX}'\n{text}"
        self.sha = sha1(self.text.encode(), usedforsecurity=False).hexdigest()
        self.repeatable = repeatable


OPEN = Script(
    lua.FORGET
    + lua.READ_PROFILE
    + lua.READ_HEADER
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
    'bytes', 0, 'total', 0, 'dropped', 0, 'content', 0)
  values = read_header(name)
end
if name ~= 'default' and (made or ARGV[2] == '1') then redis.call('ZADD', P..'worlds', number, name) end
while made and redis.call('ZCARD', P..'worlds') > tonumber(ARGV[4]) do
  local oldest = redis.call('ZPOPMIN', P..'worlds')[1]
  forget(oldest)
  redis.call('INCR', P..'evictions')
  evicted[#evicted + 1] = oldest
end
return {values, evicted, ARGV[10] and read_profile(name, ARGV[10], ARGV[11]) or false, redis.call('GET', P..'content')}
""",
    repeatable=True,
)

MAKE_ROOM = Script(
    lua.FORGET
    + """
-- most bytes of all worlds together; forgets those that hold something, the least recently used first, never the last
local gone, worlds = {}, redis.call('ZRANGE', P..'worlds', 0, -2)
for _, name in ipairs(worlds) do
  if tonumber(redis.call('GET', P..'content') or 0) <= tonumber(ARGV[1]) then break end
  if tonumber(redis.call('HGET', P..'header:'..name, 'content') or 0) > 0 then
    redis.call('ZREM', P..'worlds', name)
    forget(name)
    redis.call('INCR', P..'evictions')
    gone[#gone + 1] = name
  end
end
return gone
""",
    repeatable=True,
)

DELETE = Script(
    lua.FORGET
    + """
local known = redis.call('ZREM', P..'worlds', ARGV[1])
forget(ARGV[1])
return known
""",
)

RESET = Script(
    lua.FORGET
    + lua.GUARD
    + lua.GROW
    + """
-- name, epoch, faults, next slot
local number = redis.call('INCR', P..'sequence')
grow(ARGV[1], #ARGV[3] - redis.call('HSTRLEN', P..'header:'..ARGV[1], 'faults') - held(ARGV[1]), math.huge)
forget_profiles(ARGV[1])
redis.call('HSET', P..'header:'..ARGV[1], 'version', number, 'revision', number, 'frozen', '', 'offset', 0,
  'faults', ARGV[3], 'counters', '{}', 'next', ARGV[4], 'bytes', 0, 'dropped', 0)
forget_journal(ARGV[1])
return 0
""",
    repeatable=True,
)

SWAP_FAULTS = Script(
    lua.GUARD
    + lua.GROW
    + """
-- name, epoch, revision, counters, most bytes, faults (none: as they are); answers with the new revision
local header = P..'header:'..ARGV[1]
if redis.call('HGET', header, 'revision') ~= ARGV[3] then return -2 end
if ARGV[6] and not grow(ARGV[1], #ARGV[6] - redis.call('HSTRLEN', header, 'faults'), ARGV[5]) then return -4 end
local revision = redis.call('INCR', P..'sequence')
redis.call('HSET', header, 'revision', revision, 'counters', ARGV[4])
if ARGV[6] then redis.call('HSET', header, 'version', revision, 'faults', ARGV[6]) end
return revision
""",
)

SET_CLOCK = Script(
    lua.GUARD
    + """
-- name, epoch, microseconds since 1970 or empty, offset in microseconds
local number = redis.call('INCR', P..'sequence')
redis.call('HSET', P..'header:'..ARGV[1], 'version', number, 'revision', number, 'frozen', ARGV[3], 'offset', ARGV[4])
return 0
""",
    repeatable=True,
)

ADVANCE_CLOCK = Script(
    lua.GUARD
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
    lua.READ_PROFILE
    + """
-- name, key, the fixtures' slot or empty; answers with slot, version and changed bytes
return read_profile(ARGV[1], ARGV[2], ARGV[3])
""",
    repeatable=True,
)

COMMIT_PROFILE = Script(
    lua.GUARD
    + lua.READ_PROFILE
    + lua.GROW
    + lua.COMMIT
    + """
-- name, epoch, slot, version that was seen, new bytes, most bytes, and what `commit` reads; answers as it does
local slot, header = ARGV[3], P..'header:'..ARGV[1]
if version_of(ARGV[1], slot) ~= ARGV[4] then return -2 end
local refused = commit(ARGV[1], slot, ARGV[4], ARGV[5], ARGV[6], 7)
if refused == 0 and tonumber(slot) >= tonumber(redis.call('HGET', header, 'next')) then
  redis.call('HSET', header, 'next', tonumber(slot) + 1)
end
return refused
""",
)

SETTLE = Script(
    lua.READ_PROFILE
    + lua.READ_HEADER
    + lua.GROW
    + lua.COMMIT
    + lua.APPEND
    + """
-- name, epoch, version, exchange, its three bounds, key or nothing, the fixtures' slot, slot and version that were
-- seen, and, to change the profile, its new bytes, most bytes of the world and of all, and what `commit` reads.
-- Answers with the request's number; with nothing for a world that is gone; with STALE, the header and the profile;
-- with TOO_LARGE; with FULL and the position of a key of another profile; or with CROWDED and the number, if all worlds
-- together now hold too much.
local name = ARGV[1]
local header = redis.call('HMGET', P..'header:'..name, 'epoch', 'version')
if header[1] ~= ARGV[2] then return {} end
local slot = ARGV[8] ~= '' and slot_of(name, ARGV[8], ARGV[9]) or ''
local seen = slot ~= '' and version_of(name, slot) or ''
if header[2] ~= ARGV[3] or slot ~= ARGV[10] or seen ~= ARGV[11] then
  return {-2, read_header(name), ARGV[8] ~= '' and read_profile(name, ARGV[8], ARGV[9])}
end
local refused, all = 0, 0
if ARGV[12] then
  refused, all = commit(name, slot, seen, ARGV[12], ARGV[13], 15)
  if refused ~= 0 then return refused > 0 and {-3, refused} or {refused} end
end
local number = append(name, ARGV[4], ARGV[12] or '', ARGV[5], ARGV[6], ARGV[7])
if name ~= 'default' then redis.call('ZADD', P..'worlds', number, name) end
if all > 0 and all > tonumber(ARGV[14]) then return {-5, number} end
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
    lua.FORGET
    + lua.GUARD
    + lua.GROW
    + """
-- name, epoch, next slot, most bytes, version, length of the first list, slot and bytes …, key and slot …
local profiles, index, first = P..'profiles:'..ARGV[1], P..'index:'..ARGV[1], 7 + tonumber(ARGV[6])
local size = -held(ARGV[1])
for i = 7, #ARGV, 2 do size = size + ENTRY + #ARGV[i < first and i + 1 or i] end
if not grow(ARGV[1], size, ARGV[4]) then return -4 end
forget_profiles(ARGV[1])
for i = 7, first - 1, 2 do
  redis.call('HSET', profiles, ARGV[i], ARGV[i + 1])
  redis.call('HSET', P..'versions:'..ARGV[1], ARGV[i], ARGV[5])
end
for i = first, #ARGV, 2 do redis.call('HSET', index, ARGV[i], ARGV[i + 1]) end
redis.call('HSET', P..'header:'..ARGV[1], 'next', ARGV[3])
return 0
""",
    repeatable=True,
)

KEEP_SNAPSHOT = Script(
    lua.GUARD
    + lua.GROW
    + """
-- name, epoch, snapshot's name, snapshot, most snapshots, most bytes
local snapshots = P..'snapshots:'..ARGV[1]
if redis.call('HEXISTS', snapshots, ARGV[3]) == 0 and redis.call('HLEN', snapshots) >= tonumber(ARGV[5]) then
  return -3
end
if not grow(ARGV[1], #ARGV[4] - redis.call('HSTRLEN', snapshots, ARGV[3]), ARGV[6]) then return -4 end
return redis.call('HSET', snapshots, ARGV[3], ARGV[4])
""",
    repeatable=True,
)

DROP_SNAPSHOT = Script(
    lua.GUARD
    + lua.GROW
    + """
grow(ARGV[1], -redis.call('HSTRLEN', P..'snapshots:'..ARGV[1], ARGV[3]), 0)
return redis.call('HDEL', P..'snapshots:'..ARGV[1], ARGV[3])
""",
    repeatable=True,
)

APPEND_EXCHANGE = Script(
    lua.GUARD
    + lua.APPEND
    + """
-- name, epoch, exchange, most entries, most bytes, most bytes of all worlds together; answers with its number
return append(ARGV[1], ARGV[3], '', ARGV[4], ARGV[5], ARGV[6])
""",
)

REMOVE_EXCHANGE = Script(
    lua.GUARD
    + """
-- name, epoch, number
local journal, after = P..'journal:'..ARGV[1], ARGV[3]..'+'
local size = redis.call('HSTRLEN', journal, ARGV[3]) + redis.call('HSTRLEN', journal, after)
redis.call('HDEL', journal, ARGV[3], after)
local removed = redis.call('LREM', P..'numbers:'..ARGV[1], 1, ARGV[3]..':'..size)
if removed == 1 then
  redis.call('HINCRBY', P..'header:'..ARGV[1], 'bytes', -size)
  redis.call('ZINCRBY', P..'journals', -size, ARGV[1])
  redis.call('DECRBY', P..'journal-bytes', size)
end
return removed
""",
)

CLEAR_JOURNAL = Script(
    lua.FORGET
    + lua.GUARD
    + """
forget_journal(ARGV[1])
redis.call('HSET', P..'header:'..ARGV[1], 'bytes', 0, 'dropped', 0)
return 0
""",
    repeatable=True,
)
