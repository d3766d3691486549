-- Continue counters under other names. ask: old {spec}, new {spec}.
-- Replies with the number of counters, and of those that still hold something under the old name,
-- where running requests settle.

local old, new = {}, {}
for place, spec in ipairs(ask.old) do
  old[place], new[place] = load(spec), load(ask.new[place])
end
if stale then return reply('stale') end

local function listed(c)
  return tag .. ':k:' .. c.spec[2]
end

local moved, left = 0, 0
for place, c in ipairs(old) do
  local other = new[place]
  if c.exists then
    moved = moved + 1
    if c.held == 0 and not other.exists then
      redis.call('RENAME', c.key, other.key)
      local span = redis.call('TTL', listed(c))
      redis.call('SADD', listed(other), other.spec[1])
      if redis.call('TTL', listed(other)) < span then
        redis.call('EXPIRE', listed(other), span)
      end
    else
      if c.booked ~= 0 or not other.exists then
        book(other, c.booked)
        save(other)
      end
      if c.held == 0 then
        redis.call('DEL', c.key)
      else
        left = left + 1
        c.booked, c.told, c.wiped = 0, false, true
        save(c)
      end
    end
  end
  if c.held == 0 then redis.call('SREM', listed(c), c.spec[1]) end
end
return reply('renamed', moved, left)
