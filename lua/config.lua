-- config: what the proxies of a namespace must agree on, set at its first use.
--
-- KEYS[1]  the configuration: hash, "<namespace>:<setting>" -> value
-- ARGV[1]  the namespace
-- ARGV[2]  the number of partitions
-- ARGV[3]  dead_after in ms
-- ARGV[4]  1: record these when nothing is recorded; 0: only read
--
-- Returns {partitions, dead_after} as recorded; '' for what is not
local config, namespace = KEYS[1], ARGV[1]
local partitions, dead_after = namespace .. ':partitions', namespace .. ':dead_after'
if ARGV[4] == '1' then
  redis.call('HSETNX', config, partitions, ARGV[2])
  redis.call('HSETNX', config, dead_after, ARGV[3])
end
return {redis.call('HGET', config, partitions) or '', redis.call('HGET', config, dead_after) or ''}
