-- inst_clear: removes all counters of an instance-aware partition and changes
-- its mark, so that nobody's return undoes it.
--
-- KEYS[1]  totals: hash, counter -> total
-- KEYS[2]  this instance's slices: hash, counter -> slice
-- KEYS[3]  instances: sorted set, instance -> last heartbeat
-- KEYS[4]  counters in use: set
-- KEYS[5]  epochs: hash, counter -> epoch; '' -> mark
-- KEYS[6]  what burials took from this instance
-- KEYS[7]  the batch record of this run (not touched with number 0)
-- KEYS[8]  and on: slices and buried slices of each other instance, in the order of ids
-- ARGV[1]  the batch's number, or 0 for a strict command
-- ARGV[2]  the record's time to live in ms
-- ARGV[3]  1: no late copy of it can be about, so no record is needed if nothing changes
-- ARGV[4]  this instance's id
-- ARGV[5]  the new mark, random
-- ARGV     then the ids of the other instances
--
-- Returns {status, payload, mark}: 'ok', 'idle' (there was nothing, the number is
-- not used up), 'seen', 'gap' (payload: the last number applied); or {'ids', ids...} with nothing done when an instance was not named
-- include: record
-- include: mark
-- include: others
local totals, slices, instances, keys, epochs = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local buried, record = KEYS[6], KEYS[7]
local number, ttl, me, mark = ARGV[1], ARGV[2], ARGV[4], ARGV[5]

if number ~= '0' then
  local status, payload = seen_before(record, number, ttl)
  if status ~= 'new' then return {status, payload, current_mark(epochs)} end
end
if unknown_instance(instances, me, 6, #ARGV) then
  return {'ids', unpack(redis.call('ZRANGE', instances, 0, 3000))}
end
local existed = redis.call('EXISTS', totals, epochs, instances, keys) > 0
redis.call('UNLINK', totals, slices, instances, keys, epochs, buried)
for i = 8, #KEYS do redis.call('UNLINK', KEYS[i]) end
if not existed and ARGV[3] == '1' then return {'idle', '', ''} end
if existed then redis.call('HSET', epochs, '', mark) end
if number ~= '0' then keep(record, number, '', ttl) end
return {'ok', '', current_mark(epochs)}
