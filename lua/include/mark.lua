-- mark: a random value in the epoch hash under the name '' that no counter can
-- have. CLEAR changes it, so that whatever was taken away before is void.

-- current_mark returns the partition's mark, or '' while it has none.
local function current_mark(epochs)
  return redis.call('HGET', epochs, '') or ''
end

-- ensure_mark gives a partition its first mark and returns the mark.
local function ensure_mark(epochs, candidate)
  redis.call('HSETNX', epochs, '', candidate)
  return current_mark(epochs)
end

-- must_restore tells whether a burial took slices from this instance that are
-- still its own: they have to be moved back before anything else.
local function must_restore(buried)
  return redis.call('EXISTS', buried) == 1
end
