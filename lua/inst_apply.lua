-- inst_apply: changes counters of an instance-aware family, as a numbered batch
-- of a lax partition or, with number 0, as one strict command.
--
-- KEYS[1]  totals: hash, counter -> total
-- KEYS[2]  this instance's slices: hash, counter -> slice
-- KEYS[3]  instances: sorted set, instance -> last heartbeat
-- KEYS[4]  counters in use: set
-- KEYS[5]  epochs: hash, counter -> epoch; '' -> mark
-- KEYS[6]  what burials took from this instance
-- KEYS[7]  the batch record of this run (not touched with number 0)
-- KEYS[8]  and on: slices and buried slices of each other instance, in the order of ids
-- ARGV[1]  the batch's number, or 0
-- ARGV[2]  the record's time to live in ms
-- ARGV[3]  1: no late copy of it can be about, so no record is needed if nothing changes
-- ARGV[4]  this instance's id
-- ARGV[5]  dead_after in ms
-- ARGV[6]  a random mark, used when the partition has none
-- ARGV[7]  1: do nothing while there is a dead instance to bury
-- ARGV[8]  k, the number of other instances' ids
-- ARGV[9]  m, the number of increments; each counter occurs once
-- ARGV     k ids
-- ARGV     m times: counter, delta, set ('' or "slice := set" before the delta),
--          epoch and slice under which the delta was made
-- ARGV     then operations, in order, a counter any number of times:
--          counter, kind (inc, set, seti, del, deli, get), value, comparator or
--          '', operand, epoch, slice ('' and '' where nothing is remembered)
--
-- Returns {status, payload, mark, dead, alive, then of each increment's counter: total, slice, epoch}
--   status 'ok'; 'idle' (carried out, nothing changed, the number is not used up);
--   'seen' (applied earlier; values are those of now); and, with nothing done,
--   'gap' (payload: the last number applied), 'buried' (move the buried slices
--   back first), 'dead' (bury first), 'ids' (an instance was not named; the
--   instances' ids follow instead of values)
--   payload: words, 'i<index>=<code>' for each refused increment and
--   'o<index>=<applied>,<total>,<mine>,<previous total>,<previous mine>,<epoch>'
--   or 'o<index>=<code>' for each operation; code O: overflow of total or slice,
--   N: a value in Redis is not an integer
--   dead: an instance to bury, or ''; alive: how many instances are
--   epoch: with a '+' when it is swept (include/epoch.lua)
-- include: int64
-- include: record
-- include: fields
-- include: clock
-- include: mark
-- include: epoch
-- include: others
local totals, slices, instances, keys, epochs = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local buried, record, args = KEYS[6], KEYS[7], ARGV
local number, ttl, me, dead_ms = args[1], args[2], args[4], tonumber(args[5])
local ids, increments = tonumber(args[8]), tonumber(args[9])
local first_increment = 10 + ids
local first_op = first_increment + increments * 5

-- fields are the counters, those of the increments first; what is known of them is in
-- lists of the same order, false for nothing. place is where in fields a counter
-- stands, if there are operations.
local fields, place, reaches_out = {}, {}, false
for i = 1, increments do fields[i] = args[first_increment + (i - 1) * 5] end
if first_op <= #args then
  for i, field in ipairs(fields) do place[field] = i end
  for at = first_op, #args, 7 do
    local field, kind = args[at], args[at + 1]
    if not place[field] then
      fields[#fields + 1] = field
      place[field] = #fields
    end
    if kind == 'set' or kind == 'del' then reaches_out = true end
  end
end

-- Everything is read, and so every type checked, before anything is written.
local total, slice = list_fields(totals, fields), list_fields(slices, fields)
local epoch, swept = list_epochs(epochs, fields)
redis.call('SCARD', keys)
if reaches_out then
  for i = 8, #KEYS do redis.call('HLEN', KEYS[i]) end
end
local now = now_ms()
local dead = find_dead(instances, me, now, dead_ms)

local function reply(status, payload)
  local out = {status, payload, current_mark(epochs), dead, count_alive(instances, now, dead_ms)}
  local n = 5
  for i = 1, increments do
    out[n + 1] = total[i] or '0'
    out[n + 2] = slice[i] or '0'
    out[n + 3] = epoch_word(epoch[i], swept[i])
    n = n + 3
  end
  return out
end

if number ~= '0' then
  local status, payload = seen_before(record, number, ttl)
  if status == 'seen' then redis.call('ZADD', instances, 'XX', now, me) end -- a repeat is a sign of life
  if status ~= 'new' then return reply(status, payload) end
end
if must_restore(buried) then return {'buried'} end
if args[7] == '1' and dead ~= '' then return {'dead', '', '', dead} end
if reaches_out and unknown_instance(instances, me, 10, first_increment - 1) then
  return {'ids', unpack(redis.call('ZRANGE', instances, 0, 3000))}
end

local changed, unused, taken, words = {}, {}, {}, {}
local touched = false

-- What is written in the end: field and value in turns, or fields alone.
local new_totals, new_slices, used = {}, {}, {}

-- listed tells which counters are in use without being noted again.
local listed = {}

-- valid_slice returns my slice of a counter, or '0' where it is void: left
-- behind under an epoch that has moved since.
local function valid_slice(i, seen_epoch, seen_slice)
  local value, current = slice[i] or '0', epoch[i] or '0'
  local left_behind = current ~= seen_epoch and not changed[i] and seen_epoch ~= ''
    and holds(current, 'gt', seen_epoch) and swept[i] ~= current and value == seen_slice
  return left_behind and '0' or value
end

-- apply sets total and slice after checking both; returns a refusal's code or nil.
local function apply(i, new_total, new_slice)
  if not new_total or not new_slice then return 'O' end
  total[i], slice[i] = new_total, new_slice
  changed[i], unused[i], touched = true, nil, true
end

local function readable(i, mine)
  return is_int64(total[i] or '0') and is_int64(mine)
end

-- increase carries out the increment whose counter stands at args[at], and returns a
-- refusal's code or nil.
local function increase(i, at)
  local delta, set = args[at + 1], args[at + 2]
  local mine = valid_slice(i, args[at + 3], args[at + 4])
  if not readable(i, mine) then return 'N' end
  if set == '' then return apply(i, sum(total[i] or '0', delta), sum(mine, delta)) end
  local target = sum(set, delta)
  return apply(i, target and sum(total[i] or '0', target, mine), target)
end

-- Most increments are of short numbers, under no epoch: those take a short cut.
local short, written, only = 13, 0, first_op > #args
for i = 1, increments do
  local at = first_increment + (i - 1) * 5
  local before, mine, delta = total[i], slice[i], args[at + 1]
  local refusal
  listed[i] = before and mine
  if not epoch[i] and args[at + 2] == '' and #delta <= short
    and (not before or #before <= short and (find(before, canonical) or before == '0'))
    and (not mine or #mine <= short and (find(mine, canonical) or mine == '0')) then
    total[i] = before and before + delta .. '' or delta
    slice[i] = mine == before and total[i] or mine and mine + delta .. '' or delta
    touched = true
    if not only then changed[i] = true end
  else
    refusal = increase(i, at)
  end
  if refusal then
    words[#words + 1] = 'i' .. i .. '=' .. refusal
  elseif only then
    local field = fields[i]
    new_totals[written + 1], new_totals[written + 2] = field, total[i]
    new_slices[written + 1], new_slices[written + 2] = field, slice[i]
    written = written + 2
    if not listed[i] then used[#used + 1] = field end
  end
end

local operation = {}

function operation.inc(i, value, mine)
  if value == '0' then return end
  return apply(i, sum(total[i] or '0', value), sum(mine, value))
end

function operation.seti(i, value, mine)
  return apply(i, sum(total[i] or '0', value, mine), value)
end

local function new_epoch(i)
  epoch[i] = sum(epoch[i] or '0', '1') or '0'
  swept[i], taken[i] = epoch[i], true
end

function operation.set(i, value)
  new_epoch(i)
  return apply(i, value, value)
end

function operation.del(i)
  if not total[i] and not slice[i] then return end
  new_epoch(i)
  total[i], slice[i] = false, false
  changed[i], unused[i], touched = true, true, true
end

function operation.deli(i, _, mine)
  if not slice[i] then return end
  local refusal = apply(i, sum(total[i] or '0', '0', mine), '0')
  if not refusal then slice[i] = false end
  return refusal
end

function operation.get() end

local index = 0
for at = first_op, #args, 7 do
  index = index + 1
  local i, kind, value, comparator = place[args[at]], args[at + 1], args[at + 2], args[at + 3]
  local mine = valid_slice(i, args[at + 5], args[at + 6])
  local result, applied
  if not readable(i, mine) then
    if (kind ~= 'set' and kind ~= 'del') or comparator ~= '' then result = 'N' end
  end
  if not result then
    local before, before_mine = total[i] or '0', mine
    if not is_int64(before) then before = '0' end
    if not is_int64(before_mine) then before_mine = '0' end
    applied = holds(kind == 'seti' and before_mine or before, comparator, args[at + 4])
    if applied then result = operation[kind](i, value, mine) end
    if not result then
      local mine_now = applied and changed[i] and (slice[i] or '0') or before_mine
      result = table.concat({applied and '1' or '0', total[i] or '0', mine_now,
        before, before_mine, epoch_word(epoch[i], swept[i])}, ',')
    end
  end
  words[#words + 1] = 'o' .. index .. '=' .. result
end

local new_epochs, no_totals, no_slices, out_of_use, reset = {}, {}, {}, {}, {}
for i = 1, only and 0 or #fields do
  local field = fields[i]
  if changed[i] then
    if total[i] then
      new_totals[#new_totals + 1] = field
      new_totals[#new_totals + 1] = total[i]
    else
      no_totals[#no_totals + 1] = field
    end
    if slice[i] then
      new_slices[#new_slices + 1] = field
      new_slices[#new_slices + 1] = slice[i]
    else
      no_slices[#no_slices + 1] = field
    end
    if unused[i] then
      out_of_use[#out_of_use + 1] = field
    elseif not listed[i] then
      used[#used + 1] = field
    end
  end
  if taken[i] then
    new_epochs[#new_epochs + 1] = field
    new_epochs[#new_epochs + 1] = epoch[i]
    new_epochs[#new_epochs + 1] = ':' .. field
    new_epochs[#new_epochs + 1] = swept[i]
    reset[#reset + 1] = field
  end
end

if touched then
  ensure_mark(epochs, args[6])
end
beat(instances, me, now, dead_ms, not touched)
in_pieces('HSET', totals, new_totals, 2)
in_pieces('HDEL', totals, no_totals, 1)
in_pieces('HSET', slices, new_slices, 2)
in_pieces('HDEL', slices, no_slices, 1)
in_pieces('HSET', epochs, new_epochs, 2)
in_pieces('SADD', keys, used, 1)
in_pieces('SREM', keys, out_of_use, 1)
if #reset > 0 then
  for i = 8, #KEYS do in_pieces('HDEL', KEYS[i], reset, 1) end
end
local payload = table.concat(words, ' ')
if not touched and args[3] == '1' then return reply('idle', payload) end
if number ~= '0' then keep(record, number, payload, ttl) end
return reply('ok', payload)
