-- The usage of each counter now, held and booked. ask: counters {spec}.

local used = {}
for place, spec in ipairs(ask.counters) do
  local c = load(spec)
  used[place] = c.held + booked(c)
end
if stale then return reply('stale') end
return reply('used', used)
