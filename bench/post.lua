-- wrk's script: post the body of a file, and print what was measured as one line of JSON.
-- Its mark is replaced by other letters in every request, so that no cache knows the answer.
local mark = "qqqqqqqq"
local file = assert(io.open(os.getenv("BENCH_BODY"), "rb"))
local body = file:read("*a")
file:close()
local from, to = assert(body:find(mark, 1, true))
local before, after = body:sub(1, from - 1), body:sub(to + 1)
local count = os.time() % 86400 * 1000000

wrk.method = "POST"
wrk.headers["content-type"] = "application/json"
wrk.headers["authorization"] = os.getenv("BENCH_AUTHORIZATION")

function request()
  count = count + 1
  local rest, letters = count, {}
  for place = 1, #mark do
    letters[place] = string.char(97 + rest % 26)
    rest = math.floor(rest / 26)
  end
  return wrk.format(nil, nil, nil, before .. table.concat(letters) .. after)
end

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    '\n{"requests": %d, "microseconds": %d, "p50": %d, "p99": %d, "refused": %d, "broken": %d}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    errors.status, errors.connect + errors.read + errors.write + errors.timeout
  ))
end
