-- Renew a process's lease, or give it up if it `leaves`. ask: process, lease, leaves.
-- Replies with the number of keys on the server.

redis.call('ZADD', processes, ask.leaves and 0 or now + ask.lease, ask.process)
if ask.leaves and redis.call('EXISTS', open) == 0 then
  redis.call('ZREM', processes, ask.process)
end
return reply(redis.call('DBSIZE'))
