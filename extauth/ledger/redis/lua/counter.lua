-- One counter's arithmetic over time, as in extauth/ledger/{rolling,bucket,calendar}.py.
-- A counter is a hash: held, booked, mark (rolling: the newest bucket; bucket: the time of the
-- level; calendar: the begin of the period), till (calendar: its end), told (reported thresholds,
-- each with the end of its window), listed (until when the index has it), name and max (of the
-- limit that was last checked), and for a rolling window one field for each bucket.
-- A spec is {name, key, unit, kind, ...}; kinds: r {seconds}, b {rate}, c {four bounds}, l.

local tag = KEYS[1]
local ask = cmsgpack.unpack(ARGV[1])
local REQUESTS, SLOTS = 6, 7
local BUCKETS, ROUNDING, LEVEL_ROUNDING = 60, 0.001, 1e-6
local MOST = 9007199254740991
local HOUR, DAY = 3600, 86400

-- The server's time, which only goes forward.
local now = ask.now
if not now then
  local time = redis.call('TIME')
  now = time[1] + time[2] / 1000000
end
local seen = tonumber(redis.call('GET', tag .. ':now') or now)
if seen > now then now = seen end

-- True if a calendar period was not among those that the caller gave.
local stale = false

local function whole(number)
  return string.format('%.0f', number)
end

local function leaves(bucket, seconds)
  return (bucket + 1 + BUCKETS) * seconds / BUCKETS + ROUNDING
end

local function turn_rolling(c, seconds)
  local bucket = math.floor(now * BUCKETS / seconds)
  local last = c.mark
  c.mark = math.max(bucket, last or bucket)
  if not last or bucket <= last then return end
  if bucket - last > BUCKETS then
    c.wiped, c.booked = true, 0
    return
  end
  local old = {}
  for number = last - BUCKETS, bucket - BUCKETS - 1 do old[#old + 1] = number end
  local gone = {}
  for place, amount in ipairs(redis.call('HMGET', c.key, unpack(old))) do
    if amount then
      c.booked = c.booked - amount
      gone[#gone + 1] = old[place]
    end
  end
  if #gone > 0 then c.gone = gone end
end

local function turn_bucket(c, rate)
  if c.mark and now > c.mark then
    c.booked = math.max(0, c.booked - (now - c.mark) * rate)
  end
  c.mark = now
end

local function turn_calendar(c, spec)
  for place = 5, 7 do
    local begins, ends = spec[place], spec[place + 1]
    if begins and ends and begins <= now and now < ends then
      if not c.mark or c.mark < begins then c.booked = 0 end
      c.mark, c.till = begins, ends
      return
    end
  end
  stale = true
  if c.till and now < c.till then return end
  -- Without bounds the period is unknown: rather count too much in it than too little.
  if c.till then c.booked = 0 end
  c.mark, c.till = now, nil
end

-- Read a counter as it stands now. Nothing is written before `save`.
local function load(spec)
  local key = tag .. ':c:' .. spec[1]
  local f = redis.call('HMGET', key,
    'held', 'booked', 'mark', 'till', 'told', 'listed', 'name', 'max')
  local c = {
    key = key, spec = spec, unit = spec[3], kind = spec[4], exists = f[1],
    held = tonumber(f[1] or 0), booked = tonumber(f[2] or 0),
    mark = tonumber(f[3] or nil), till = tonumber(f[4] or nil),
    told = f[5], listed = tonumber(f[6] or 0), name = f[7], max = tonumber(f[8] or nil),
  }
  c.before = {till = c.till, told = c.told, listed = c.listed, name = c.name, max = c.max}
  c.lasts = c.held > 0
  if c.kind == 'r' then turn_rolling(c, spec[5])
  elseif c.kind == 'b' then turn_bucket(c, spec[5])
  elseif c.kind == 'c' then turn_calendar(c, spec) end
  return c
end

local function booked(c)
  if c.kind == 'b' then return math.ceil(c.booked - LEVEL_ROUNDING) end
  return c.booked
end

local function book(c, amount)
  amount = math.min(amount, MOST - c.booked)
  c.booked = c.booked + amount
  if c.kind == 'r' then c.added = (c.added or 0) + amount end
end

local function take_back(c, amount, time)
  if c.kind == 'r' then
    local bucket = math.floor(time * BUCKETS / c.spec[5])
    if c.mark - bucket > BUCKETS then return end
    c.back, c.backed = bucket, amount
  elseif c.kind == 'c' and time < c.mark then
    return
  end
  c.booked = c.booked - amount
  if c.kind == 'b' then c.booked = math.max(0, c.booked) end
end

local function hold(c, amount)
  c.held = math.max(0, c.held + amount)
end

-- Buckets and amounts of a rolling window, the oldest first.
local function buckets(c)
  local found = {}
  local flat = redis.call('HGETALL', c.key)
  for place = 1, #flat, 2 do
    local number = tonumber(flat[place])
    if number and number >= c.mark - BUCKETS then
      found[#found + 1] = {number, tonumber(flat[place + 1])}
    end
  end
  table.sort(found, function(a, b) return a[1] < b[1] end)
  return found
end

-- Seconds until `excess` has left; nil if held amounts are in the way.
local function room_after(c, excess)
  if c.kind == 'r' then
    for _, pair in ipairs(buckets(c)) do
      excess = excess - pair[2]
      if excess <= 0 then return leaves(pair[1], c.spec[5]) - now end
    end
  elseif c.kind == 'b' then
    local to = math.ceil(c.booked - LEVEL_ROUNDING) - excess
    if to >= 0 then return math.max(0, (c.booked - to) / c.spec[5]) end
  elseif c.kind == 'c' and c.till and excess <= c.booked then
    return c.till - now
  end
  return nil
end

-- Seconds until nothing counts, if what is held and `more` were booked now; false: never.
local function whole_after(c, more)
  if c.kind == 'r' then
    if c.held ~= 0 or more ~= 0 or c.added then return leaves(c.mark, c.spec[5]) - now end
    if c.booked == 0 then return 0 end
    local found = buckets(c)
    for place = #found, 1, -1 do
      if found[place][2] ~= 0 then return leaves(found[place][1], c.spec[5]) - now end
    end
    return 0
  elseif c.kind == 'b' then
    return (c.booked + c.held + more) / c.spec[5]
  elseif c.kind == 'c' then
    if c.booked == 0 and c.held == 0 and more == 0 then return 0 end
    return (c.till or now) - now
  end
  if c.booked ~= 0 then return false end
  return 0
end

-- The time until which a threshold reached now is not reported again.
local function told_until(c)
  if c.kind == 'r' then return now + c.spec[5] end
  if c.kind == 'b' then return now + c.booked / c.spec[5] end
  if c.kind == 'c' then return c.till or now end
  return math.huge
end

-- Seconds to keep a counter in which nothing is held; nil: for ever.
local function lasting(c)
  if c.kind == 'r' then return leaves(c.mark, c.spec[5]) - now end
  if c.kind == 'b' then return c.booked / c.spec[5] end
  if c.kind == 'c' then return (c.till or now + 32 * DAY) - now end
  if c.booked ~= 0 then return nil end
  return HOUR
end

-- List this counter in its key's index, for at least as long as the counter exists.
local function list(c, last)
  local span = 400 * DAY
  if last and c.kind ~= 'l' then span = 2 * last + HOUR end
  if c.listed - now >= span / 2 then return end
  c.listed = now + span
  local index = tag .. ':k:' .. c.spec[2]
  redis.call('SADD', index, c.spec[1])
  if redis.call('TTL', index) < span then
    redis.call('EXPIRE', index, whole(math.ceil(span)))
  end
end

local function save(c)
  local last = lasting(c)
  list(c, last)
  if c.wiped then
    redis.call('DEL', c.key)
  elseif c.gone then
    redis.call('HDEL', c.key, unpack(c.gone))
  end
  local set = {'held', c.held, 'booked', c.booked}
  if c.mark then
    set[5], set[6] = 'mark', c.mark
  end
  for _, field in ipairs({'till', 'told', 'listed', 'name', 'max'}) do
    if c[field] and (c.wiped or c[field] ~= c.before[field]) then
      set[#set + 1] = field
      set[#set + 1] = c[field]
    end
  end
  redis.call('HSET', c.key, unpack(set))
  if c.kind == 'c' and not c.till then redis.call('HDEL', c.key, 'till') end
  if c.added and c.added ~= 0 then redis.call('HINCRBY', c.key, c.mark, c.added) end
  if c.back and redis.call('HINCRBY', c.key, c.back, -c.backed) == 0 then
    redis.call('HDEL', c.key, c.back)
  end
  if c.held > 0 or not last then
    if not c.lasts or c.wiped then redis.call('PERSIST', c.key) end
  else
    redis.call('EXPIRE', c.key, whole(math.ceil(last) + 60))
  end
end

local function reply(...)
  return cmsgpack.pack({now, ...})
end
