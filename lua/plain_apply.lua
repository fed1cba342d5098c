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
local totals, record, args = KEYS[1], KEYS[2], ARGV
local number, ttl, increments = args[1], args[2], tonumber(args[4])
local first_op = 5 + increments * 2

-- fields are the counters, those of the increments first. place is where in fields a
-- counter stands, if there are operations.
local fields, place = {}, {}
for i = 1, increments do fields[i] = args[3 + i * 2] end
if first_op <= #args then
  for i, field in ipairs(fields) do place[field] = i end
  for i = first_op, #args, 5 do
    if not place[args[i]] then
      fields[#fields + 1] = args[i]
      place[args[i]] = #fields
    end
  end
end

local status, payload = 'new', ''
if number ~= '0' then status, payload = seen_before(record, number, ttl) end
if status == 'gap' then return {status, payload} end

-- current is what each counter has, false for none; changed tells of which that is new.
local current, changed = list_fields(totals, fields), {}

local function reply(state, text)
  local out = {state, text}
  for i = 1, increments do out[2 + i] = current[i] or '0' end
  return out
end
if status == 'seen' then return reply('seen', payload) end

local words = {}

-- add returns the code of a refusal, or nil after adding.
local function add(i, delta)
  local total = current[i]
  if total then
    if not is_int64(total) then return 'N' end
    delta = sum(total, delta)
    if not delta then return 'O' end
  end
  current[i], changed[i] = delta, true
end

-- What is written in the end: field and value in turns, or fields alone.
local written, removed = {}, {}

-- Most increments are of short numbers: those take a short cut.
local short, n, only = 13, 0, first_op > #args
for i = 1, increments do
  local before, delta, refusal = current[i], args[4 + i * 2], nil
  if #delta <= short and before and #before <= short and (find(before, canonical) or before == '0') then
    current[i] = before + delta .. ''
    if not only then changed[i] = true end
  else
    refusal = add(i, delta)
  end
  if refusal then
    words[#words + 1] = 'i' .. i .. '=' .. refusal
  elseif only then
    written[n + 1], written[n + 2] = fields[i], current[i]
    n = n + 2
  end
end

local index = 0
for at = first_op, #args, 5 do
  index = index + 1
  local i, kind, value = place[args[at]], args[at + 1], args[at + 2]
  local before = current[i] or '0'
  local readable = is_int64(before)
  local result, applied
  if not readable and (kind == 'inc' or kind == 'get' or args[at + 3] ~= '') then
    result = 'N'
  elseif not readable then
    before = '0'
  end
  if not result then
    applied = holds(before, args[at + 3], args[at + 4])
    if applied and kind == 'inc' then
      result = value ~= '0' and add(i, value) or nil
    elseif applied and kind == 'set' then
      current[i], changed[i] = value, true
    elseif applied and kind == 'del' and current[i] then
      current[i], changed[i] = false, true
    end
  end
  result = result or ((applied and '1,' or '0,') .. (current[i] or '0') .. ',' .. before)
  words[#words + 1] = 'o' .. index .. '=' .. result
end

for i = 1, only and 0 or #fields do
  if changed[i] then
    if current[i] then
      written[#written + 1] = fields[i]
      written[#written + 1] = current[i]
    else
      removed[#removed + 1] = fields[i]
    end
  end
end
in_pieces('HSET', totals, written, 2)
in_pieces('HDEL', totals, removed, 1)
payload = table.concat(words, ' ')
if #written + #removed == 0 and args[3] == '1' then return reply('idle', payload) end
if number ~= '0' then keep(record, number, payload, ttl) end
return reply('ok', payload)
