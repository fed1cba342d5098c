-- string_read: reads ordinary string keys that are counted, and changes nothing.
--
-- KEYS     the keys
--
-- Returns {'ok', '', now, expiries, value of each key...}
--   now: Redis' clock in ms; expiries: index and moment in ms of each key that
--   expires; value: nil for a missing key, '' for what may not be looked at or is
--   no string, and the first 21 bytes of any other, which may be no integer
local keys, pcall = KEYS, redis.pcall
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local expiries = {}
local out = {'ok', '', now, expiries}
for i = 1, #keys do
  local key = keys[i]
  local left = pcall('PTTL', key)
  local value = false
  if left ~= -2 then
    value = type(left) == 'number' and pcall('GETRANGE', key, 0, 20) or ''
    if type(value) == 'table' then value = '' end
    if type(left) == 'number' and left >= 0 then
      expiries[#expiries + 1] = i
      expiries[#expiries + 1] = now + left
    end
  end
  out[4 + i] = value
end
return out
