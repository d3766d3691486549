-- Processes and their reservations. Each process has a hash of its open reservations ('' for one
-- that ended, until the process has confirmed it), and a hash a day of reservations that ended
-- without it: swept ones, with the usage counted. It is alive until its score in `processes`.

local processes = tag .. ':processes'
local open = tag .. ':open:' .. ask.process

-- Add to a line of the usage report: requests, prompt, completion, cost, milliseconds, unsettled.
local function report(day, line, ...)
  local key = tag .. ':u:' .. whole(day)
  local raw = redis.call('HGET', key, line)
  local sums = raw and cmsgpack.unpack(raw) or {0, 0, 0, 0, 0, 0}
  for place, amount in ipairs({...}) do
    sums[place] = math.min(MOST, sums[place] + amount)
  end
  if redis.call('HSET', key, line, cmsgpack.pack(sums)) == 1 then
    redis.call('EXPIRE', key, 400 * DAY)
    redis.call('ZADD', tag .. ':days', day, whole(day))
    redis.call('ZREMRANGEBYSCORE', tag .. ':days', '-inf', day - 400)
  end
end

local function today()
  return math.floor(now / DAY)
end

local function ended(process, day)
  return tag .. ':ended:' .. process .. ':' .. whole(day)
end

-- Remember the end of a reservation for a day or two, for calls that are repeated or late.
local function remember(process, id, what)
  local hash = ended(process, today())
  redis.call('HSET', hash, id, what)
  redis.call('EXPIRE', hash, 2 * DAY)
end

local function recall(id)
  return redis.call('HGET', ended(ask.process, today()), id)
    or redis.call('HGET', ended(ask.process, today() - 1), id)
end

-- End a reservation of a dead process, with the usage known of it.
local function lose(process, id)
  local theirs = tag .. ':open:' .. process
  local raw = redis.call('HGET', theirs, id)
  local what = ''
  if raw ~= '' then
    local reserved = cmsgpack.unpack(raw)
    for _, claim in ipairs(reserved.claims) do
      local c = load(claim[1])
      if c.unit ~= REQUESTS then hold(c, -claim[2]) end
      if c.unit < REQUESTS then book(c, reserved.known[c.unit]) end
      save(c)
    end
    local known, day = reserved.known, today()
    report(day, reserved.line, 1, known[1], known[2], known[4], known[5], 1)
    what = cmsgpack.pack({known, day})
  end
  redis.call('HDEL', theirs, id)
  remember(process, id, what)
end

-- End at most `most` reservations of processes whose lease has run out.
local function sweep(most)
  if now - seen > ask.lease / 2 then
    -- No process was heard for a while, so the ledger was away, not they: renew their leases.
    for _, process in ipairs(redis.call('ZRANGEBYSCORE', processes, '(' .. string.format('%.6f', seen), '+inf')) do
      redis.call('ZADD', processes, 'GT', now + ask.lease, process)
    end
  end
  for _, process in ipairs(redis.call('ZRANGEBYSCORE', processes, '-inf', now, 'LIMIT', 0, 2)) do
    if process ~= ask.process and most > 0 then
      local ids = redis.call('HRANDFIELD', tag .. ':open:' .. process, most)
      for _, id in ipairs(ids) do lose(process, id) end
      if #ids < most then redis.call('ZREM', processes, process) end
      most = most - #ids
    end
  end
  stale = false
end

if #ask.acked > 0 then redis.call('HDEL', open, unpack(ask.acked)) end
sweep(ask.sweep or 16)
redis.call('SET', tag .. ':now', now)
