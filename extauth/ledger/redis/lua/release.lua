-- Give everything back, once. ask: id, process, lease, again.
-- `again`: the call to reserve may still be under way, and must then not succeed.

local raw = redis.call('HGET', open, ask.id)
if raw and raw ~= '' then
  local reserved = cmsgpack.unpack(raw)
  for _, claim in ipairs(reserved.claims) do
    local c = load(claim[1])
    if c.unit == REQUESTS then take_back(c, claim[2], reserved.time) else hold(c, -claim[2]) end
    save(c)
  end
  redis.call('HDEL', open, ask.id)
end
if ask.again and raw ~= '' and not recall(ask.id) then remember(ask.process, ask.id, '') end
return reply()
