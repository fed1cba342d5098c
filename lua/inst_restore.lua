-- inst_restore: one bounded, numbered step by which an instance that was buried
-- while it was only paused or cut off moves its slices back, those whose epoch
-- and mark are unchanged; the others are void.
--
-- KEYS[1]  totals: hash, counter -> total
-- KEYS[2]  this instance's slices: hash, counter -> slice
-- KEYS[3]  instances: sorted set, instance -> last heartbeat
-- KEYS[4]  counters in use: set
-- KEYS[5]  epochs: hash, counter -> epoch; '' -> mark
-- KEYS[6]  what burials took from this instance: hash, counter -> "slice epoch", or
--          "slice epoch kept" where the total still contains it; '' -> mark
-- KEYS[7]  the batch record of this run
-- ARGV[1]  the batch's number
-- ARGV[2]  the record's time to live in ms
-- ARGV[3]  this instance's id
-- ARGV[4]  the most counters to move
--
-- Returns {status, payload, mark, moved, more, dropped}: 'ok', 'seen', 'gap'
-- (payload: the last number applied), or 'batch': a late copy of a batch had the
-- number, and this step was not done; more is 1 while slices are left; dropped are
-- those that could not be moved back: of counters that are no integers, or that
-- would overflow
-- include: int64
-- include: record
-- include: fields
-- include: clock
-- include: mark
local totals, slices, instances, keys, epochs = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local buried, record = KEYS[6], KEYS[7]
local number, ttl, me, limit = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])

local status, payload = seen_before(record, number, ttl)
local mark = current_mark(epochs)
if status == 'seen' and payload ~= 'restored' then status = 'batch' end
if status ~= 'new' then return {status, payload, mark, 0, redis.call('EXISTS', buried), 0} end
-- Every type is checked before anything is written.
redis.call('SCARD', keys)
redis.call('ZCARD', instances)

local moved, more, dropped = 0, 0, 0
local buried_mark = redis.call('HGET', buried, '')
if not buried_mark or buried_mark ~= mark then
  redis.call('UNLINK', buried)
else
  local fields, entry, total, slice, epoch = {}, {}, {}, {}, {}
  local cursor = '0'
  repeat -- a page of a thinned-out hash may be empty
    local page = redis.call('HSCAN', buried, cursor, 'COUNT', limit)
    cursor = page[1]
    for i = 1, #page[2], 2 do
      local field = page[2][i]
      if field ~= '' and not entry[field] and #fields < limit then
        fields[#fields + 1] = field
        entry[field] = page[2][i + 1]
      end
    end
  until cursor == '0' or #fields > 0
  read_fields(totals, fields, total)
  read_fields(slices, fields, slice)
  read_fields(epochs, fields, epoch)
  local new_totals, new_slices, used = {}, {}, {}
  for _, field in ipairs(fields) do
    local value, its_epoch, kept = string.match(entry[field], '^(%-?%d+) (%d+)(.*)$')
    if value and its_epoch == (epoch[field] or '0') then
      local new_total, new_slice = total[field] or '0', slice[field] or '0'
      local readable = is_int64(new_total) and is_int64(new_slice)
      if readable then
        if kept == '' then new_total = sum(new_total, value) end
        new_slice = sum(new_slice, value)
      end
      if readable and new_total and new_slice then
        new_totals[#new_totals + 1] = field
        new_totals[#new_totals + 1] = new_total
        new_slices[#new_slices + 1] = field
        new_slices[#new_slices + 1] = new_slice
        used[#used + 1] = field
        moved = moved + 1
      else
        dropped = dropped + 1
      end
    end
  end
  in_pieces('HSET', totals, new_totals, 2)
  in_pieces('HSET', slices, new_slices, 2)
  in_pieces('SADD', keys, used, 1)
  in_pieces('HDEL', buried, fields, 1)
  if redis.call('HLEN', buried) > 1 then
    more = 1
  else
    redis.call('UNLINK', buried)
  end
end
redis.call('ZADD', instances, now_ms(), me)
keep(record, number, 'restored', ttl)
return {'ok', '', mark, moved, more, dropped}
