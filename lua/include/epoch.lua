-- epoch: which slices are void. SET and DEL raise a counter's epoch and take it
-- out of every instance's slices; the epoch they raised it to is noted as swept,
-- under ':' and the counter, a name that no counter can have. A slice found
-- under a swept epoch was written since, and is valid. The distkit crate raises
-- epochs and leaves slices behind: then a slice that is still the one remembered
-- from a lower epoch is void. (CLEAR lowers epochs, and leaves nothing behind.)

-- list_epochs returns the counters' epochs in their order, and the epochs that were
-- swept; false or nil for those that have none. What is no number counts as none. Most
-- partitions have nothing but the mark there.
local function list_epochs(epochs, fields)
  local noted = redis.call('HLEN', epochs)
  if noted == 0 or noted == 1 and redis.call('HEXISTS', epochs, '') == 1 then return {}, {} end
  local epoch, swept, names, at = list_fields(epochs, fields), {}, {}, {}
  for i = 1, #fields do
    if epoch[i] and not is_int64(epoch[i]) then epoch[i] = false end
    if epoch[i] then
      names[#names + 1] = ':' .. fields[i]
      at[#names] = i
    end
  end
  local raised = list_fields(epochs, names)
  for j, i in ipairs(at) do swept[i] = raised[j] end
  return epoch, swept
end

-- epoch_word is how an epoch is returned: with a '+' when it is swept.
local function epoch_word(epoch, swept)
  if not epoch then return '0' end
  return swept == epoch and '+' .. epoch or epoch
end
