-- inst_read: reads counters of an instance-aware partition; writes nothing.
--
-- KEYS[1]  totals: hash, counter -> total
-- KEYS[2]  this instance's slices: hash, counter -> slice
-- KEYS[3]  instances: sorted set, instance -> last heartbeat
-- KEYS[4]  epochs: hash, counter -> epoch; '' -> mark
-- KEYS[5]  what burials took from this instance
-- ARGV[1]  this instance's id
-- ARGV[2]  dead_after in ms
-- ARGV     then counters
--
-- Returns {status, '', mark, dead, alive, then of each counter: total, slice, epoch}
--   status 'ok', or 'buried' alone: move the buried slices back first
--   epoch: with a '+' when it is swept (include/epoch.lua)
--   dead: an instance to bury, or ''; alive: how many instances are
-- include: int64
-- include: fields
-- include: clock
-- include: mark
-- include: epoch
local totals, slices, instances, epochs, buried = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local me, dead_ms = ARGV[1], tonumber(ARGV[2])

if must_restore(buried) then return {'buried'} end
local fields = {}
for i = 3, #ARGV do fields[i - 2] = ARGV[i] end
local total, slice = list_fields(totals, fields), list_fields(slices, fields)
local epoch, swept = list_epochs(epochs, fields)
local now = now_ms()
local out = {'ok', '', current_mark(epochs), find_dead(instances, me, now, dead_ms),
  count_alive(instances, now, dead_ms)}
local n = 5
for i = 1, #fields do
  out[n + 1] = total[i] or '0'
  out[n + 2] = slice[i] or '0'
  out[n + 3] = epoch_word(epoch[i], swept[i])
  n = n + 3
end
return out
