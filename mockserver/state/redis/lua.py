"""Pieces that several scripts begin with; P is the prefix of all keys."""

from __future__ import annotations

FORGET = """
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
  redis.call('DECRBY', P..'content', redis.call('HGET', P..'header:'..name, 'content') or 0)
  redis.call('UNLINK', P..'header:'..name, P..'profiles:'..name, P..'index:'..name, P..'snapshots:'..name)
end
"""
GUARD = """
if redis.call('HGET', P..'header:'..ARGV[1], 'epoch') ~= ARGV[2] then return -1 end
"""

READ_PROFILE = """
local function read_profile(name, key, slot)
  slot = redis.call('HGET', P..'index:'..name, key) or slot
  return slot ~= '' and {slot, redis.call('HGET', P..'profiles:'..name, slot)}
end
"""
READ_HEADER = """
local function read_header(name)
  return redis.call('HMGET', P..'header:'..name, 'epoch', 'version', 'revision', 'seed', 'frozen', 'offset', 'faults',
    'counters', 'next', 'fixtures')
end
"""
# Counts bytes that a world holds beyond the fixtures; false if they would be more than it may hold.
GROW = """
local function grow(name, size, most)
  local header = P..'header:'..name
  if size > 0 and redis.call('HGET', header, 'content') + size > tonumber(most) then return false end
  if size ~= 0 then
    redis.call('HINCRBY', header, 'content', size)
    redis.call('INCRBY', P..'content', size)
  end
  return true
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
# From `at` on: number of freed keys, these, then key and the fixtures' slot for each key that leads to the profile from
# now on; the new version is in front of the bytes. Answers with 0, with TOO_LARGE, or with the position of a key of
# another profile.
COMMIT = """
local function version_of(stored) return stored and string.match(stored, '^%d+') or '' end
local function commit(name, slot, body, most, at)
  local profiles, index = P..'profiles:'..name, P..'index:'..name
  local first, before = at + 1 + tonumber(ARGV[at]), redis.call('HSTRLEN', profiles, slot)
  local size = before > 0 and -before or ENTRY
  for i = first, #ARGV, 2 do
    local owner = redis.call('HGET', index, ARGV[i]) or ARGV[i + 1]
    if owner ~= '' and owner ~= slot then return (i - first) / 2 + 1 end
    if redis.call('HEXISTS', index, ARGV[i]) == 0 then size = size + ENTRY + #ARGV[i] end
  end
  for i = at + 1, first - 1 do
    if redis.call('HEXISTS', index, ARGV[i]) == 0 then size = size + ENTRY + #ARGV[i] end
  end
  if not grow(name, size + #body, most) then return -4 end
  redis.call('HSET', profiles, slot, body)
  for i = at + 1, first - 1 do redis.call('HSET', index, ARGV[i], '') end
  for i = first, #ARGV, 2 do redis.call('HSET', index, ARGV[i], slot) end
  return 0
end
"""
# Keeps an exchange, unless it is empty, under the next number; answers with the number.
APPEND = """
local function append(name, exchange, most_entries, most_bytes, most_of_all)
  local number = redis.call('INCR', P..'sequence')
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
