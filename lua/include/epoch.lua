-- epoch: which slices are void. SET and DEL raise a counter's epoch and take it
-- out of every instance's slices; the epoch they raised it to is noted as swept,
-- under ':' and the counter, a name that no counter can have. A slice found
-- under a swept epoch was written since, and is valid. The distkit crate raises
-- epochs and leaves slices behind: then a slice that is still the one remembered
-- from a lower epoch is void. (CLEAR lowers epochs, and leaves nothing behind.)

-- read_epochs adds the counters' epochs to epoch, and to swept the epochs that
-- were swept, for those that have one. What is no number counts as none.
local function read_epochs(epochs, fields, epoch, swept)
  read_fields(epochs, fields, epoch)
  local names, noted = {}, {}
  for _, field in ipairs(fields) do
    if epoch[field] and not is_int64(epoch[field]) then epoch[field] = nil end
    if epoch[field] then names[#names + 1] = ':' .. field end
  end
  read_fields(epochs, names, noted)
  for _, field in ipairs(fields) do
    if epoch[field] then swept[field] = noted[':' .. field] end
  end
end

-- epoch_word is how an epoch is returned: with a '+' when it is swept.
local function epoch_word(field, epoch, swept)
  local value = epoch[field]
  if not value then return '0' end
  return swept[field] == value and '+' .. value or value
end
