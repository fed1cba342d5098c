-- record: exactly once. A run numbers its batches of a partition from 1; the
-- record holds the last number applied and, where a repeat needs it, the first
-- reply: "<number>" or "<number> <payload>".

-- seen_before compares a batch's number with the record. Returns
--   'new'           the batch is the next one: apply it
--   'seen', payload it was applied: payload is what was kept of its reply
--   'gap', last     the record is not at number-1: it was lost, or this is a
--                   late copy of an old batch; nothing may be applied
-- Both of the latter write, too: they renew the record's time to live (ttl, in
-- milliseconds) or, for a minute, note that there is none. So a server that may not
-- write, a replica that lags, cannot give these answers, and a WAIT behind them is
-- for all they rest on.
local function seen_before(record, number, ttl)
  local kept = redis.call('GET', record)
  local last, payload = 0, ''
  if kept then
    last, payload = string.match(kept, '^(%d+) ?(.*)$')
    last = tonumber(last)
  end
  if tonumber(number) == last + 1 then return 'new', '' end
  if kept then
    redis.call('PEXPIRE', record, ttl)
  else
    redis.call('SET', record, '0', 'PX', 60000)
  end
  if tonumber(number) == last then return 'seen', payload end
  return 'gap', string.format('%.0f', last)
end

-- keep notes a batch as applied; ttl in milliseconds.
local function keep(record, number, payload, ttl)
  if payload ~= '' then number = number .. ' ' .. payload end
  redis.call('SET', record, number, 'PX', ttl)
end
