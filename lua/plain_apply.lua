-- plain_apply: changes counters of a plain family, as a numbered batch of a lax
-- partition or, with number 0, as one strict command.
--
-- KEYS[1]  the totals: hash, counter -> total
-- KEYS[2]  the batch record of this run (not touched with number 0)
-- ARGV[1]  the batch's number, or 0
-- ARGV[2]  the record's time to live in ms
-- ARGV[3]  1: no late copy of it can be about, so no record is needed if nothing changes
-- ARGV[4]  m, the number of increments; each counter occurs once
-- ARGV     m times: counter, delta
-- ARGV     then operations, in order, a counter any number of times:
--          counter, kind (inc, set, del, get), value, comparator or '', operand
--
-- Returns {status, payload, total of each increment's counter...}
--   status 'ok', 'idle' (carried out, nothing changed, the number is not used
--   up), 'seen' (applied earlier; totals are those of now) or 'gap' (nothing done;
--   payload is the last number applied)
--   payload: words, 'i<index>=<code>' for each refused increment and
--   'o<index>=<applied>,<total>,<previous total>' or 'o<index>=<code>' for each
--   operation; code O: overflow, N: the value in Redis is not an integer
-- include: int64
-- include: record
-- include: fields
local totals, record = KEYS[1], KEYS[2]
local number, ttl, increments = ARGV[1], ARGV[2], tonumber(ARGV[4])

local fields, known = {}, {}
local function note(field)
  if not known[field] then
    known[field] = true
    fields[#fields + 1] = field
  end
end
local first_op = 5 + increments * 2
for i = 5, first_op - 1, 2 do note(ARGV[i]) end
for i = first_op, #ARGV, 5 do note(ARGV[i]) end

local status, payload = 'new', ''
if number ~= '0' then status, payload = seen_before(record, number, ttl) end
if status == 'gap' then return {status, payload} end

local current = {}
read_fields(totals, fields, current)

local function reply(state, text)
  local out = {state, text}
  for i = 5, first_op - 1, 2 do out[#out + 1] = current[ARGV[i]] or '0' end
  return out
end
if status == 'seen' then return reply('seen', payload) end

local changed, words = {}, {}

-- add returns the code of a refusal, or nil after adding.
local function add(field, delta)
  local total = current[field] or '0'
  if not is_int64(total) then return 'N' end
  local result = sum(total, delta)
  if not result then return 'O' end
  current[field], changed[field] = result, true
end

for i = 1, increments do
  local refusal = add(ARGV[3 + i * 2], ARGV[4 + i * 2])
  if refusal then words[#words + 1] = 'i' .. i .. '=' .. refusal end
end

local index = 0
for i = first_op, #ARGV, 5 do
  index = index + 1
  local field, kind, value = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  local before = current[field] or '0'
  local readable = is_int64(before)
  local result, applied
  if not readable and (kind == 'inc' or kind == 'get' or ARGV[i + 3] ~= '') then
    result = 'N'
  elseif not readable then
    before = '0'
  end
  if not result then
    applied = holds(before, ARGV[i + 3], ARGV[i + 4])
    if applied and kind == 'inc' then
      result = value ~= '0' and add(field, value) or nil
    elseif applied and kind == 'set' then
      current[field], changed[field] = value, true
    elseif applied and kind == 'del' and current[field] then
      current[field], changed[field] = nil, true
    end
  end
  result = result or ((applied and '1,' or '0,') .. (current[field] or '0') .. ',' .. before)
  words[#words + 1] = 'o' .. index .. '=' .. result
end

local written, removed = {}, {}
for _, field in ipairs(fields) do
  if changed[field] then
    if current[field] then
      written[#written + 1] = field
      written[#written + 1] = current[field]
    else
      removed[#removed + 1] = field
    end
  end
end
in_pieces('HSET', totals, written, 2)
in_pieces('HDEL', totals, removed, 1)
payload = table.concat(words, ' ')
if not next(changed) and ARGV[3] == '1' then return reply('idle', payload) end
if number ~= '0' then keep(record, number, payload, ttl) end
return reply('ok', payload)
