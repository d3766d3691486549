-- The names of the counters under a key. ask: key.

return reply('listed', redis.call('SMEMBERS', tag .. ':k:' .. ask.key))
