-- The counters under some keys, found by the index. ask: keys.

local UNITS = {
  prompt_tokens = 1, completion_tokens = 2, tokens = 3, cost = 4, seconds = 5,
  requests = REQUESTS, slots = SLOTS,
}

local function spec_of(name)
  local key, unit, window = unpack(cjson.decode(name))
  local spec = {name, key, UNITS[unit]}
  if type(window) == 'number' then
    spec[4], spec[5] = 'r', window
  elseif window.type == 'bucket' then
    spec[4], spec[5] = 'b', window.refill / window.seconds
  elseif window.type == 'calendar' then
    spec[4] = 'c'
  else
    spec[4] = 'l'
  end
  return spec
end

local function under(keys)
  local found = {}
  for _, key in ipairs(keys) do
    local index = tag .. ':k:' .. key
    for _, name in ipairs(redis.call('SMEMBERS', index)) do
      local c = load(spec_of(name))
      if c.exists then
        found[#found + 1] = c
      else
        redis.call('SREM', index, name)
      end
    end
  end
  return found
end
