-- string_apply: changes ordinary string keys, as a numbered batch.
--
-- KEYS[1]  the batch record of this run
-- KEYS     m times: the key of an increment; each occurs once
-- KEYS     then one for each operation, a key any number of times
-- ARGV[1]  the batch's number
-- ARGV[2]  the record's time to live in ms
-- ARGV[3]  1: no late copy of it can be about, so no record is needed if nothing changes
-- ARGV[4]  m, the number of increments
-- ARGV     m times: delta, and the moment of expiry in ms under which it was
--          accepted, or 0
-- ARGV     then for each operation: kind (inc, get), delta
--
-- An increment is INCRBY, so it leaves a time to live as it is. One that was
-- accepted under an expiry, on a key that is gone, went with the key if that moment
-- is past. If not, somebody has removed the key: it counts from nothing, and until
-- that moment, as nobody who was told its value knows that the key has to expire.
--
-- Returns {status, payload, now, value and expiry of each increment's key...}
--   status 'ok', 'idle', 'seen' or 'gap', as plain_apply
--   payload: words, 'i<index>=<code>' for each refused increment and
--   'o<index>=<1: there is a value>,<value>,<expiry, -1 for a missing key>' or
--   'o<index>=<code>' for each operation; code O: overflow, others as in look
--   now: Redis' clock in ms; value: nil for a missing key, '' for no integer
-- include: int64
-- include: record
-- include: clock
-- include: string

-- slack is by how much the expiry that a proxy was told may be late, in ms.
local slack = 5

local now = now_ms()
local number, ttl, increments = ARGV[1], ARGV[2], tonumber(ARGV[4])

local function reply(state, payload)
  local out = {state, payload, string.format('%.0f', now)}
  for i = 1, increments do
    local value, expiry = look(KEYS[1 + i], now)
    out[2 + i * 2] = value or false
    out[3 + i * 2] = expiry
  end
  return out
end

local status, payload = seen_before(KEYS[1], number, ttl)
if status == 'gap' then return {status, payload} end
if status == 'seen' then return reply('seen', payload) end

local changed, words, out = false, {}, {'', '', string.format('%.0f', now)}

-- failure is an error that concerns no single key: nothing was written before it.
local failure

-- add returns the new value and its expiry, and the code of a refusal.
local function add(key, delta)
  local value, expiry, refusal = look(key, now)
  if refusal then return value, expiry, refusal end
  local result = sum(value or '0', delta)
  if not result then return value, expiry, 'O' end
  local done = redis.pcall('INCRBY', key, delta)
  if type(done) == 'table' then
    if not changed and not forbidden(done.err) then failure = failure or done end
    return value, expiry, 'P'
  end
  changed = true
  return result, expiry
end

for i = 1, increments do
  local key, delta, under = KEYS[1 + i], ARGV[3 + i * 2], tonumber(ARGV[4 + i * 2])
  local value, expiry, refusal
  local gone = under > 0 and redis.pcall('PTTL', key) == -2
  if gone and now + slack >= under then
    expiry = '0'
  else
    value, expiry, refusal = add(key, delta)
    if gone and not refusal and redis.pcall('PEXPIRE', key, under - now) == 1 then
      expiry = string.format('%.0f', under)
    end
  end
  if refusal then words[#words + 1] = 'i' .. i .. '=' .. refusal end
  out[2 + i * 2] = value or false
  out[3 + i * 2] = expiry
end

for i = 1, #KEYS - 1 - increments do
  local key, at = KEYS[1 + increments + i], 3 + increments * 2 + i * 2
  local value, expiry, refusal
  if ARGV[at] == 'inc' then
    value, expiry, refusal = add(key, ARGV[at + 1])
  else
    value, expiry, refusal = look(key, now)
  end
  words[#words + 1] = 'o' .. i .. '=' .. (refusal or (value and '1,' .. value .. ',' .. expiry or '0,0,-1'))
end

if failure and not changed then return failure end
payload = table.concat(words, ' ')
if changed or ARGV[3] ~= '1' then
  keep(KEYS[1], number, payload, ttl)
  out[1] = 'ok'
else
  out[1] = 'idle'
end
out[2] = payload
return out
