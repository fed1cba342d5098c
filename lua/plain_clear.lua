-- plain_clear: removes all counters of a plain partition.
--
-- KEYS[1]  the totals: hash, counter -> total
-- KEYS[2]  the batch record of this run (not touched with number 0)
-- ARGV[1]  the batch's number, or 0 for a strict command
-- ARGV[2]  the record's time to live in ms
-- ARGV[3]  1: no late copy of it can be about, so no record is needed if nothing changes
--
-- Returns {status, payload}: 'ok', 'idle' (there was nothing, the number is not
-- used up), 'seen', or 'gap' with the last number applied
-- include: record
local totals, record = KEYS[1], KEYS[2]
local number, ttl = ARGV[1], ARGV[2]
local numbered = number ~= '0'

if numbered then
  local status, payload = seen_before(record, number, ttl)
  if status ~= 'new' then return {status, payload} end
end
if redis.call('UNLINK', totals) == 0 and ARGV[3] == '1' then return {'idle', ''} end
if numbered then keep(record, number, '', ttl) end
return {'ok', ''}
