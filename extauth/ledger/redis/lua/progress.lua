-- Note a reservation's usage so far. ask: id, process, lease, known.

local raw = redis.call('HGET', open, ask.id)
if raw and raw ~= '' then
  local reserved = cmsgpack.unpack(raw)
  reserved.known = ask.known
  redis.call('HSET', open, ask.id, cmsgpack.pack(reserved))
end
return reply()
