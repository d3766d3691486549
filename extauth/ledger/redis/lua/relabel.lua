-- Add lines of a day's usage report to those of other accounts. ask: day, lines {from, to}.

local key = tag .. ':u:' .. ask.day
local moved = 0
for _, line in ipairs(ask.lines) do
  local from = redis.call('HGET', key, line[1])
  if from then
    local sums, to = cmsgpack.unpack(from), redis.call('HGET', key, line[2])
    for place, amount in ipairs(to and cmsgpack.unpack(to) or {}) do
      sums[place] = math.min(MOST, sums[place] + amount)
    end
    redis.call('HSET', key, line[2], cmsgpack.pack(sums))
    redis.call('HDEL', key, line[1])
    moved = moved + 1
  end
end
return reply('relabelled', moved)
