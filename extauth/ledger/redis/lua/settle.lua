-- Replace what a reservation held by what was used, once.
-- ask: id, process, lease, again, used, line, claims {spec, amount},
-- limits {claim, name, max, percents}. Replies with crossings {limit, percent, booked, after}.
--
-- A swept reservation is charged the usage that the sweep did not know of; one that the server
-- lost in a crash is charged in full. `again`: the same call may be under way a second time.

local used = ask.used
local raw = redis.call('HGET', open, ask.id)
local swept
if not raw then
  local what = recall(ask.id)
  if what == '' then raw = '' elseif what then swept = cmsgpack.unpack(what) end
end
if raw == '' then
  if ask.again and redis.call('HDEL', open, ask.id) == 1 then remember(ask.process, ask.id, '') end
  return reply('settled', {})
end

local counters = {}
for place, claim in ipairs(ask.claims) do counters[place] = load(claim[1]) end
if stale then return reply('stale') end

for place, c in ipairs(counters) do
  local held = ask.claims[place][2]
  if raw and c.unit ~= REQUESTS then hold(c, -held) end
  if c.unit < REQUESTS then
    book(c, swept and math.max(0, used[c.unit] - swept[1][c.unit]) or used[c.unit])
  elseif c.unit == REQUESTS and not raw and not swept then
    book(c, held)
  end
end

if swept then
  local more = {}
  for unit = 1, 5 do more[unit] = math.max(0, used[unit] - swept[1][unit]) end
  report(swept[2], ask.line, 0, more[1], more[2], more[4], more[5], -1)
else
  report(today(), ask.line, 1, used[1], used[2], used[4], used[5], 0)
end

local crossings = {}
for place, limit in ipairs(ask.limits) do
  local c = counters[limit[1]]
  local told, news = c.told and cmsgpack.unpack(c.told) or {}, false
  for _, percent in ipairs(limit[4]) do
    local threshold = limit[2] .. ':' .. whole(percent)
    if booked(c) * 100 >= percent * limit[3] and (told[threshold] or 0) <= now then
      local tell_again = told_until(c)
      told[threshold], news = tell_again, true
      local after = tell_again < math.huge and whole_after(c, 0)
      crossings[#crossings + 1] = {place, percent, booked(c), after}
    end
  end
  if news then
    local kept = {}
    for threshold, time in pairs(told) do
      if time > now then kept[threshold] = time end
    end
    c.told = cmsgpack.pack(kept)
  end
end

for _, c in ipairs(counters) do save(c) end
if ask.again or swept then
  redis.call('HDEL', open, ask.id)
  remember(ask.process, ask.id, '')
else
  redis.call('HSET', open, ask.id, '')
end
return reply('settled', crossings)
