-- Set a worst case aside under all limits, or under none.
-- ask: id, process, lease, claims {spec}, worst, known, line,
-- limits {claim, name, max, mode, worst, least}.
-- Replies with limits {used, reset, granted, wait}; granted is nil if it refuses.

if redis.call('HEXISTS', open, ask.id) == 1 or recall(ask.id) then
  return reply('ended')
end
local counters = {}
for place, spec in ipairs(ask.claims) do counters[place] = load(spec) end
if stale then return reply('stale') end

local amounts, answers, full = {}, {}, false
for place, limit in ipairs(ask.limits) do
  local c = counters[limit[1]]
  local used, amount, mode = c.held + booked(c), limit[5], limit[4]
  local left = limit[3] - used
  if amount > left then
    if mode == 'clamp' and limit[6] <= left then amount = left
    elseif mode ~= 'warn' then full = true end
  end
  amounts[limit[1]] = math.min(amount, amounts[limit[1]] or amount)
  answers[place] = {used, whole_after(c, amount), amount}
end

if full then
  for place, limit in ipairs(ask.limits) do
    local c = counters[limit[1]]
    local used, mode = c.held + booked(c), limit[4]
    local amount = mode == 'clamp' and limit[6] or limit[5]
    local excess, wait = used + amount - limit[3], -1
    if excess > 0 and mode ~= 'warn' then
      wait = math.huge
      if amount <= limit[3] then
        wait = room_after(c, excess) or (c.kind == 'l' and c.held == 0 and math.huge) or 1
      end
    end
    answers[place] = {used, whole_after(c, 0), amount, wait}
  end
  return reply('full', answers)
end

for place, c in ipairs(counters) do
  amounts[place] = amounts[place] or ask.worst[c.unit]
  if c.held + booked(c) + amounts[place] > MOST then return reply('bound') end
end
for _, limit in ipairs(ask.limits) do
  local c = counters[limit[1]]
  c.name, c.max = limit[2], limit[3]
end
local claims = {}
for place, c in ipairs(counters) do
  local amount = amounts[place]
  if c.unit == REQUESTS then book(c, amount) else hold(c, amount) end
  save(c)
  claims[place] = {c.spec, amount}
end
redis.call('HSET', open, ask.id, cmsgpack.pack({
  time = now, claims = claims, line = ask.line, known = ask.known,
}))
redis.call('ZADD', processes, 'GT', now + ask.lease, ask.process)
return reply('reserved', answers)
