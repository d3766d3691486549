-- Allow `amount` more usage in the current window. ask: counter, amount.

local c = load(ask.counter)
if stale then return reply('stale') end
book(c, -ask.amount)
save(c)
return reply('granted')
