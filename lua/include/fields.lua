-- fields: hash access in pieces, because unpack ends at about 8,000 values.

local piece = 1000

-- read_fields adds the values of a hash's fields to the table into (missing: nil).
local function read_fields(key, fields, into)
  for i = 1, #fields, piece do
    local last = math.min(i + piece - 1, #fields)
    local values = redis.call('HMGET', key, unpack(fields, i, last))
    for j = i, last do into[fields[j]] = values[j - i + 1] or nil end
  end
end

-- list_fields returns the values of a hash's fields in their order (missing: false).
local function list_fields(key, fields)
  if #fields == 0 then return {} end
  if #fields <= piece then return redis.call('HMGET', key, unpack(fields)) end
  local list = {}
  for i = 1, #fields, piece do
    local last = math.min(i + piece - 1, #fields)
    local values = redis.call('HMGET', key, unpack(fields, i, last))
    for j = i, last do list[j] = values[j - i + 1] end
  end
  return list
end

-- in_pieces calls a command with a key and any number of arguments; width is
-- how many arguments belong together.
local function in_pieces(command, key, arguments, width)
  local step = piece * width
  for i = 1, #arguments, step do
    redis.call(command, key, unpack(arguments, i, math.min(i + step - 1, #arguments)))
  end
end
