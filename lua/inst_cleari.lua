-- inst_cleari: removes this instance's slices of all counters of a partition
-- and subtracts them from the totals.
--
-- KEYS[1]  totals: hash, counter -> total
-- KEYS[2]  this instance's slices: hash, counter -> slice
-- KEYS[3]  instances: sorted set, instance -> last heartbeat
-- KEYS[4]  epochs: hash, counter -> epoch; '' -> mark
-- KEYS[5]  what burials took from this instance: no longer in the totals, so just forgotten
-- KEYS[6]  the batch record of this run (not touched with number 0)
-- ARGV[1]  the batch's number, or 0 for a strict command
-- ARGV[2]  the record's time to live in ms
-- ARGV[3]  1: no late copy of it can be about, so no record is needed if nothing changes
-- ARGV[4]  this instance's id
--
-- Returns {status, payload, mark}: 'ok', 'idle' (there was nothing, the number is
-- not used up), 'seen' or 'gap' (payload: the last number applied). A slice whose subtraction would overflow stays.
-- include: int64
-- include: record
-- include: fields
-- include: clock
-- include: mark
local totals, slices, instances, epochs, buried, record = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local number, ttl, me = ARGV[1], ARGV[2], ARGV[4]

if number ~= '0' then
  local status, payload = seen_before(record, number, ttl)
  if status ~= 'new' then return {status, payload, current_mark(epochs)} end
end
-- Every type is checked before anything is written.
redis.call('ZSCORE', instances, me)
redis.call('HLEN', totals)
local mark = current_mark(epochs)
local fields = redis.call('HKEYS', slices)
local total, slice, written, gone = {}, {}, {}, {}
read_fields(totals, fields, total)
read_fields(slices, fields, slice)
for _, field in ipairs(fields) do
  local left
  if total[field] and is_int64(total[field]) and is_int64(slice[field]) then
    left = sum(total[field], '0', slice[field])
  end
  if left then
    written[#written + 1] = field
    written[#written + 1] = left
  end
  if left or not total[field] then gone[#gone + 1] = field end
end
in_pieces('HSET', totals, written, 2)
in_pieces('HDEL', slices, gone, 1)
local forgot = redis.call('UNLINK', buried)
redis.call('ZADD', instances, 'XX', now_ms(), me)
if #gone + forgot == 0 and ARGV[3] == '1' then return {'idle', '', mark} end
if number ~= '0' then keep(record, number, '', ttl) end
return {'ok', '', mark}
