-- string_apply: changes ordinary string keys, as a numbered batch.
--
-- KEYS[1]  the batch record of this run
-- KEYS     m times: the key of an increment; each occurs once among those accepted
--          in memory, any number of times among the commands behind them
-- KEYS     then the keys to look at
-- ARGV[1]  the batch's number
-- ARGV[2]  the record's time to live in ms
-- ARGV[3]  1: no late copy of it can be about, so no record is needed if nothing changes
-- ARGV[4]  m, the number of increments
-- ARGV[5]  u: the first u of them were accepted under an expiry
-- ARGV[6]  c: the last c of them are commands, and a repeat needs their replies
-- ARGV     m deltas
-- ARGV     u times: the moment of expiry in ms under which it was accepted
--
-- An increment is INCRBY, so it leaves a time to live as it is. One that was
-- accepted under an expiry, on a key that is gone, went with the key if that moment
-- is past. If not, somebody has removed the key: it counts from nothing, and until
-- that moment, as nobody who was told its value knows that the key has to expire.
--
-- Returns {status, payload, now, expiries, value of each increment's key...}
--   status 'ok', 'idle', 'seen' or 'gap', as plain_apply
--   payload: words, 'i<index>=<code>' for each refused increment; 'o<index>=<1: there
--   is a value>,<value>,<expiry, -1 for a missing key>' or 'o<index>=<code>' for each
--   key looked at; when 'seen' and there were commands 'v=<value>,...', what each was
--   told then, '-' if refused; code O: overflow, others as in look
--   now: Redis' clock in ms; expiries: index and moment in ms of each increment whose
--   key expires; value: after that increment, as a number if that is exact; nil for
--   a missing key, '' for no integer
-- include: int64
-- include: record
-- include: clock
-- include: string

-- slack is by how much the expiry that a proxy was told may be late, in ms.
local slack = 5

-- exact is where a Lua number begins to lose digits.
local exact = 9007199254740992

-- plain is where table.concat begins to round a number.
local plain = 100000000000000

local keys, args, pcall, type = KEYS, ARGV, redis.pcall, type
local now = now_ms()
local number, ttl, increments = args[1], args[2], tonumber(args[4])
local expiring, commands = tonumber(args[5]), tonumber(args[6])

local expiries = {}
local out = {'', '', now, expiries}

local status, payload = seen_before(keys[1], number, ttl)
if status == 'gap' then return {status, payload} end
if status == 'seen' then
  for i = 1, increments do
    local value, expiry = look(keys[1 + i], now)
    out[4 + i] = value or false
    if expiry > 0 then
      expiries[#expiries + 1] = i
      expiries[#expiries + 1] = expiry
    end
  end
  out[1], out[2] = 'seen', payload
  return out
end

local changed, words = false, {}

-- failure is an error that concerns no single key: nothing was written before it.
local failure

-- refused returns value and expiry of a key whose increment failed, and the code.
local function refused(key, delta, reply)
  local value, expiry, code = look(key, now)
  if code then return value, expiry, code end
  if not sum(value or '0', delta) then return value, expiry, 'O' end
  if not changed and not forbidden(reply.err) then failure = failure or reply end
  return value, expiry, 'P'
end

for i = 1, increments do
  local key, delta = keys[1 + i], args[6 + i]
  local left = pcall('PTTL', key)
  local under = i <= expiring and left == -2 and tonumber(args[6 + increments + i])
  if under and now + slack >= under then
    out[4 + i] = false
  else
    local value, expiry = type(left) == 'number' and pcall('INCRBY', key, delta) or left, nil
    if type(value) == 'number' then
      changed = true
      if value >= exact or value <= -exact then value = digits(key) end
      if under then
        if pcall('PEXPIRE', key, under - now) == 1 then expiry = under end
      elseif left >= 0 then
        expiry = now + left
      end
    else
      local code
      value, expiry, code = refused(key, delta, value)
      if code then words[#words + 1] = 'i' .. i .. '=' .. code end
    end
    out[4 + i] = value or false
    if expiry and expiry > 0 then
      expiries[#expiries + 1] = i
      expiries[#expiries + 1] = expiry
    end
  end
end

for i = 1, #keys - 1 - increments do
  local value, expiry, code = look(keys[1 + increments + i], now)
  words[#words + 1] = 'o' .. i .. '=' .. (code or (value
    and '1,' .. value .. ',' .. string.format('%.0f', expiry) or '0,0,-1'))
end

if failure and not changed then return failure end
payload = table.concat(words, ' ')
out[2] = payload
if not changed and args[3] == '1' then
  out[1] = 'idle'
  return out
end
if commands > 0 then
  local told = {}
  for i = increments - commands + 1, increments do
    local value = out[4 + i]
    if value == false or value == '' then
      value = '-'
    elseif type(value) == 'number' and (value >= plain or value <= -plain) then
      value = string.format('%.0f', value)
    end
    told[#told + 1] = value
  end
  payload = payload .. ' v=' .. table.concat(told, ',')
end
keep(keys[1], number, payload, ttl)
out[1] = 'ok'
return out
