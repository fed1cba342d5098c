-- others: SET, DEL and CLEAR reach into every other instance's hashes. The
-- caller names the instances it knows, so that every key is declared; a script
-- that finds one it was not told of does nothing and says so.

-- unknown_instance tells whether the partition has an instance that is neither
-- me nor one of the ids ARGV[first] to ARGV[last].
local function unknown_instance(instances, me, first, last)
  local told = {[me] = true}
  for i = first, last do told[ARGV[i]] = true end
  for _, id in ipairs(redis.call('ZRANGE', instances, 0, -1)) do
    if not told[id] then return true end
  end
  return false
end
