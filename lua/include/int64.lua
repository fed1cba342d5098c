-- int64: exact signed 64-bit arithmetic on decimal strings.
-- A Lua number is a double and loses digits past 2^53, so counters never pass
-- through one: they are split at nine digits and checked against the range.

local find = string.find

-- canonical is the form of integers other than 0.
local canonical = '^%-?[1-9]%d*$'

-- is_int64 tells whether s is a canonical signed 64-bit decimal, the only form
-- HINCRBY accepts.
local function is_int64(s)
  if s == '0' then return true end
  if #s <= 18 then return find(s, canonical) ~= nil end
  local sign, digits = string.match(s, '^(%-?)([1-9]%d*)$')
  if not digits or #digits > 19 then return false end
  if #digits < 19 then return true end
  return digits <= (sign == '-' and '9223372036854775808' or '9223372036854775807')
end

-- split returns high and low parts of s, both carrying its sign.
local function split(s)
  local sign, digits = 1, s
  if string.sub(s, 1, 1) == '-' then sign, digits = -1, string.sub(s, 2) end
  if #digits <= 9 then return 0, sign * tonumber(digits) end
  return sign * tonumber(string.sub(digits, 1, -10)), sign * tonumber(string.sub(digits, -9))
end

-- sum returns a + b, or a + b - c, as a decimal string, or nil when the result
-- leaves the signed 64-bit range; what lies between may leave it.
local function sum(a, b, c)
  -- What has 14 digits at most is written in full where a number becomes a string.
  if #a <= 13 and #b <= 13 and (not c or #c <= 13) then
    return a + b - (c or 0) .. ''
  end
  local ah, al = split(a)
  local bh, bl = split(b)
  local ch, cl = split(c or '0')
  local high, low = ah + bh - ch, al + bl - cl
  -- Carry until |low| < 10^9 and both parts have one sign.
  while low >= 1000000000 do high, low = high + 1, low - 1000000000 end
  while low <= -1000000000 do high, low = high - 1, low + 1000000000 end
  if high > 0 and low < 0 then high, low = high - 1, low + 1000000000 end
  if high < 0 and low > 0 then high, low = high + 1, low - 1000000000 end
  local text
  if high == 0 then
    text = string.format('%.0f', low)
  else
    text = string.format('%.0f%09.0f', high, math.abs(low))
  end
  if is_int64(text) then return text end
  return nil
end

-- holds tells whether a <op> b for the comparators of IF; '' always holds.
local function holds(a, op, b)
  if op == '' then return true end
  local order = 0
  if a ~= b then
    local a_negative, b_negative = string.sub(a, 1, 1) == '-', string.sub(b, 1, 1) == '-'
    if a_negative ~= b_negative then
      order = a_negative and -1 or 1
    else
      if #a ~= #b then order = #a < #b and -1 or 1 else order = a < b and -1 or 1 end
      if a_negative then order = -order end
    end
  end
  if op == 'eq' then return order == 0 end
  if op == 'ne' then return order ~= 0 end
  if op == 'lt' then return order < 0 end
  if op == 'le' then return order <= 0 end
  if op == 'gt' then return order > 0 end
  return order >= 0
end
