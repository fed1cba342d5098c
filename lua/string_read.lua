-- string_read: reads ordinary string keys that are counted, and changes nothing.
--
-- KEYS     the keys
--
-- Returns {'ok', '', now, value and expiry of each key...}
--   now: Redis' clock in ms; value: nil for a missing key, '' for no integer;
--   expiry: the moment of expiry in ms, 0 for none
-- include: int64
-- include: clock
-- include: string
local now = now_ms()
local out = {'ok', '', string.format('%.0f', now)}
for i, key in ipairs(KEYS) do
  local value, expiry = look(key, now)
  out[2 + i * 2] = value or false
  out[3 + i * 2] = expiry
end
return out
