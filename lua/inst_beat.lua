-- inst_beat: an instance's heartbeat, while it has slices, and the renewal of
-- its batch record.
--
-- KEYS[1]  instances: sorted set, instance -> last heartbeat
-- KEYS[2]  epochs: hash, counter -> epoch; '' -> mark
-- KEYS[3]  what burials took from this instance
-- KEYS[4]  this instance's slices: hash, counter -> slice
-- KEYS[5]  the batch record of this run
-- ARGV[1]  this instance's id
-- ARGV[2]  dead_after in ms
-- ARGV[3]  the record's time to live in ms
--
-- Returns {status, '', mark, dead, alive}: 'ok', 'none' (no slices: no heartbeat
-- is needed) or 'buried' alone: move the buried slices back first
--   dead: an instance to bury, or ''; alive: how many instances are
-- include: clock
-- include: mark
local instances, epochs, buried, slices, record = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local me, dead_ms, ttl = ARGV[1], tonumber(ARGV[2]), ARGV[3]

if must_restore(buried) then return {'buried'} end
local now, status = now_ms(), 'none'
if redis.call('EXISTS', slices) == 1 then
  beat(instances, me, now, dead_ms)
  status = 'ok'
end
redis.call('PEXPIRE', record, ttl)
return {status, '', current_mark(epochs), find_dead(instances, me, now, dead_ms),
  count_alive(instances, now, dead_ms)}
