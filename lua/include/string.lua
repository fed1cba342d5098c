-- string: ordinary string keys that are counted.

-- forbidden tells whether an error is about what the proxy's user may do with a key.
local function forbidden(err)
  return string.find(err, 'NOPERM', 1, true) or string.find(err, "can't access", 1, true)
    or string.find(err, "can't run this command", 1, true) or string.find(err, 'No permissions', 1, true)
end

-- digits returns what a key holds, or '' if that may not be looked at. No long value
-- is ever fetched: 20 bytes are the most that an integer has.
local function digits(key)
  local value = redis.pcall('GETRANGE', key, 0, 20)
  if type(value) == 'table' then return '', value.err end
  return value
end

-- look returns a key's value, its moment of expiry and a refusal. The value is
-- nil for a missing key, and '' for what INCR does not accept, with the refusal:
-- W another type, N no integer, P not for the proxy's user. The expiry is in ms
-- by Redis' clock, 0 for none and for a missing key.
local function look(key, now)
  local left = redis.pcall('PTTL', key)
  if type(left) == 'table' then return '', 0, 'P' end
  if left == -2 then return nil, 0 end
  local expiry = left >= 0 and now + left or 0
  local value, err = digits(key)
  if err then
    return '', expiry, string.find(err, 'WRONGTYPE', 1, true) and 'W' or 'P'
  end
  if not is_int64(value) then return '', expiry, 'N' end
  return value, expiry
end
