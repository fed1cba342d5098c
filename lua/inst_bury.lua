-- inst_bury: one bounded step of a dead instance's burial: slices move to the
-- buried hash, with their epochs, and are subtracted in the same step.
--
-- KEYS[1]  totals: hash, counter -> total
-- KEYS[2]  instances: sorted set, instance -> last heartbeat
-- KEYS[3]  epochs: hash, counter -> epoch; '' -> mark
-- KEYS[4]  the dead instance's slices: hash, counter -> slice
-- KEYS[5]  the dead instance's buried slices: hash, counter -> "slice epoch", or
--          "slice epoch kept" where the total was left alone; '' -> mark
-- ARGV[1]  the dead instance's id
-- ARGV[2]  dead_after in ms
-- ARGV[3]  the cursor of the step before, 0 at first
-- ARGV[4]  the most counters to move
-- ARGV[5]  time to live of the buried slices in ms
--
-- Returns {status, cursor, moved, counters left alone because the subtraction
-- would overflow...}; status 'alive' (nothing done), 'more' or 'done'
-- include: int64
-- include: fields
-- include: clock
-- include: mark
local totals, instances, epochs, slices, buried = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local id, dead_ms, cursor, limit, ttl = ARGV[1], tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4]), ARGV[5]

local heartbeat = redis.call('ZSCORE', instances, id)
if not heartbeat or now_ms() - tonumber(heartbeat) < dead_ms then return {'alive', '0', 0} end

local mark = current_mark(epochs)
redis.call('HLEN', buried) -- every type is checked before anything is written
local page = redis.call('HSCAN', slices, cursor, 'COUNT', limit)
local next_cursor, found = page[1], page[2]
local fields, slice, total, epoch = {}, {}, {}, {}
for i = 1, math.min(#found, limit * 2), 2 do
  fields[#fields + 1] = found[i]
  slice[found[i]] = found[i + 1]
end
read_fields(totals, fields, total)
read_fields(epochs, fields, epoch)

local written, taken, alone, moved = {}, {}, {}, 0
for _, field in ipairs(fields) do
  -- A counter without a total was deleted for everybody: its slice is void.
  local value = slice[field]
  if total[field] and is_int64(value) then
    local left = is_int64(total[field]) and sum(total[field], '0', value)
    local entry = value .. ' ' .. (epoch[field] or '0')
    if left then
      written[#written + 1] = field
      written[#written + 1] = left
      moved = moved + 1
    else
      entry = entry .. ' kept'
      alone[#alone + 1] = field
    end
    taken[#taken + 1] = field
    taken[#taken + 1] = entry
  end
end
in_pieces('HSET', totals, written, 2)
in_pieces('HDEL', slices, fields, 1)
if #taken > 0 then
  redis.call('HSET', buried, '', mark)
  in_pieces('HSET', buried, taken, 2)
  redis.call('PEXPIRE', buried, ttl)
end

-- A small hash comes whole, whatever the limit: then the rest comes next time.
if #found > limit * 2 then next_cursor = cursor end
-- A cursor means nothing to another server: where one has taken over in between,
-- the walk may have passed some by and begins again.
if next_cursor == '0' and #found <= limit * 2 and redis.call('EXISTS', slices) == 0 then
  redis.call('ZREM', instances, id)
  return {'done', '0', moved, unpack(alone)}
end
return {'more', next_cursor, moved, unpack(alone)}
