-- Every counter under some keys. Replies with {name, limit, max, booked, held, after}.

local found = {}
for place, c in ipairs(under(ask.keys)) do
  found[place] = {
    c.spec[1], c.name, c.max or false, booked(c), c.held, whole_after(c, 0),
  }
end
return reply('standing', found)
