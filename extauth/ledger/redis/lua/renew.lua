-- The process is alive, or leaves when its lease is 0. ask: process, lease, leaves.
-- Answers how many keys the server has.

redis.call('ZADD', processes, ask.leaves and 0 or now + ask.lease, ask.process)
if ask.leaves and redis.call('EXISTS', open) == 0 then
  redis.call('ZREM', processes, ask.process)
end
return reply(redis.call('DBSIZE'))
