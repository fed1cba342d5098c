-- clock: Redis' own clock, the only one that instances are judged by.

local function now_ms()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

-- find_dead returns an instance other than me that has been silent for dead_ms
-- or longer, or ''.
local function find_dead(instances, me, now, dead_ms)
  local ids = redis.call('ZRANGEBYSCORE', instances, '-inf', now - dead_ms, 'LIMIT', 0, 2)
  for _, id in ipairs(ids) do
    if id ~= me then return id end
  end
  return ''
end

-- beat marks me alive, or only if I am listed already. A heartbeat that lies
-- further ahead than dead_ms was made before Redis' clock was set back: such an
-- instance counts as heard of now, or else it could not die before the clock has
-- caught up.
local function beat(instances, me, now, dead_ms, listed)
  if listed then
    redis.call('ZADD', instances, 'XX', now, me)
  else
    redis.call('ZADD', instances, now, me)
  end
  local ahead = '(' .. string.format('%.0f', now + dead_ms)
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', instances, ahead, '+inf', 'LIMIT', 0, 100)) do
    redis.call('ZADD', instances, 'XX', now, id)
  end
end

-- count_alive returns how many instances are alive.
local function count_alive(instances, now, dead_ms)
  return redis.call('ZCOUNT', instances, '(' .. string.format('%.0f', now - dead_ms), '+inf')
end
