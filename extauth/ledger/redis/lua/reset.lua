-- Forget what is booked under some keys. Replies with the number of counters.

local found = under(ask.keys)
for _, c in ipairs(found) do
  c.booked, c.told, c.wiped = 0, false, true
  save(c)
end
return reply('reset', #found)
