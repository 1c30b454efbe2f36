"""Pieces that several scripts begin with; P is the prefix of all keys."""

from __future__ import annotations

FORGET = """
local function forget_journal(name)
  local bytes = redis.call('ZSCORE', P..'journals', name)
  if bytes then
    redis.call('DECRBY', P..'journal-bytes', string.format('%d', tonumber(bytes)))
    redis.call('ZREM', P..'journals', name)
  end
  redis.call('UNLINK', P..'journal:'..name, P..'numbers:'..name)
end
local function forget_profiles(name)
  redis.call('UNLINK', P..'profiles:'..name, P..'versions:'..name, P..'index:'..name)
end
local function forget(name)
  forget_journal(name)
  redis.call('DECRBY', P..'content', redis.call('HGET', P..'header:'..name, 'content') or 0)
  forget_profiles(name)
  redis.call('UNLINK', P..'header:'..name, P..'snapshots:'..name)
end
"""
GUARD = """
if redis.call('HGET', P..'header:'..ARGV[1], 'epoch') ~= ARGV[2] then return -1 end
"""

# A profile's version is a hash's of its own: looking at the profile would cost more than all else.
READ_PROFILE = """
local function slot_of(name, key, slot) return redis.call('HGET', P..'index:'..name, key) or slot end
local function version_of(name, slot) return redis.call('HGET', P..'versions:'..name, slot) or '' end
local function read_profile(name, key, slot)
  slot = slot_of(name, key, slot)
  return slot ~= '' and {slot, version_of(name, slot), redis.call('HGET', P..'profiles:'..name, slot)}
end
"""
READ_HEADER = """
local function read_header(name)
  return redis.call('HMGET', P..'header:'..name, 'epoch', 'version', 'revision', 'seed', 'frozen', 'offset', 'faults',
    'counters', 'next', 'fixtures')
end
"""
# Counts bytes that a world holds beyond the fixtures. Answers with false if they would be more than it may hold, else
# with what all worlds hold together, or 0 if that stays as it was.
GROW = """
local function grow(name, size, most)
  local header = P..'header:'..name
  if size > 0 and redis.call('HGET', header, 'content') + size > tonumber(most) then return false end
  if size == 0 then return 0 end
  redis.call('HINCRBY', header, 'content', size)
  return redis.call('INCRBY', P..'content', size)
end
-- What a profile or a key takes beside its text.
local ENTRY = 100
local function size_of(hash, fields)
  local size = 0
  for _, field in ipairs(redis.call('HKEYS', hash)) do
    size = size + ENTRY + (fields and #field or redis.call('HSTRLEN', hash, field))
  end
  return size
end
local function held(name) return size_of(P..'profiles:'..name) + size_of(P..'index:'..name, true) end
"""
# From `at` on: the new version, number of freed keys, these, then key and the fixtures' slot for each key that leads to
# the profile from now on. Answers with 0, with TOO_LARGE, or with the position of a key of another profile; and with
# what all worlds hold, as `grow` does.
COMMIT = """
local function commit(name, slot, seen, body, most, at)
  local profiles, index = P..'profiles:'..name, P..'index:'..name
  local first = at + 2 + tonumber(ARGV[at + 1])
  local size = seen ~= '' and -redis.call('HSTRLEN', profiles, slot) or ENTRY
  for i = first, #ARGV, 2 do
    local owner = redis.call('HGET', index, ARGV[i]) or ARGV[i + 1]
    if owner ~= '' and owner ~= slot then return (i - first) / 2 + 1 end
    if redis.call('HEXISTS', index, ARGV[i]) == 0 then size = size + ENTRY + #ARGV[i] end
  end
  for i = at + 2, first - 1 do
    if redis.call('HEXISTS', index, ARGV[i]) == 0 then size = size + ENTRY + #ARGV[i] end
  end
  local all = grow(name, size + #body, most)
  if not all then return -4 end
  redis.call('HSET', profiles, slot, body)
  redis.call('HSET', P..'versions:'..name, slot, ARGV[at])
  for i = at + 2, first - 1 do redis.call('HSET', index, ARGV[i], '') end
  for i = first, #ARGV, 2 do redis.call('HSET', index, ARGV[i], slot) end
  return 0, all
end
"""
# Keeps an exchange, unless it is empty, under the next number, with the profile that it left behind, if that is told
# apart; answers with the number.
APPEND = """
local function append(name, exchange, after, most_entries, most_bytes, most_of_all)
  local number = redis.call('INCR', P..'sequence')
  if exchange == '' then return number end
  local header, size = P..'header:'..name, #exchange + #after
  if after == '' then redis.call('HSET', P..'journal:'..name, number, exchange)
  else redis.call('HSET', P..'journal:'..name, number, exchange, number..'+', after) end
  local length = redis.call('RPUSH', P..'numbers:'..name, number..':'..size)
  local facts, freed, dropped = redis.call('HMGET', header, 'bytes', 'total', 'dropped'), 0, 0
  local function drop_oldest(world)
    local oldest = redis.call('LPOP', P..'numbers:'..world)
    if not oldest then return false end
    local known, bytes = string.match(oldest, '(.*):(.*)')
    redis.call('HDEL', P..'journal:'..world, known, known..'+')
    freed, dropped = freed + tonumber(bytes), dropped + 1
    return true
  end
  while length - dropped > tonumber(most_entries) or facts[1] + size - freed > tonumber(most_bytes) do
    drop_oldest(name)
  end
  redis.call('HSET', header, 'bytes', facts[1] + size - freed, 'total', facts[2] + 1, 'dropped', facts[3] + dropped)
  redis.call('INCR', P..'appended')
  redis.call('ZADD', P..'journals', facts[1] + size - freed, name)
  local all = redis.call('INCRBY', P..'journal-bytes', size - freed)
  while all > tonumber(most_of_all) do
    local largest = redis.call('ZREVRANGE', P..'journals', 0, 0, 'WITHSCORES')
    freed, dropped = 0, 0
    while freed < tonumber(largest[2]) / 2 and drop_oldest(largest[1]) do end
    if freed == 0 then break end
    all = redis.call('DECRBY', P..'journal-bytes', freed)
    redis.call('HINCRBY', P..'header:'..largest[1], 'bytes', -freed)
    redis.call('HINCRBY', P..'header:'..largest[1], 'dropped', dropped)
    redis.call('ZINCRBY', P..'journals', -freed, largest[1])
  end
  return number
end
"""
