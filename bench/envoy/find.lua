-- The model's answer is whether its prompt holds the text named by x-bench-find.
function envoy_on_request(handle)
  local body = handle:body()
  local wanted = handle:headers():get("x-bench-find")
  local found = body:getBytes(0, body:length()):find(wanted, 1, true)
  handle:respond(
    { [":status"] = "200", ["content-type"] = "application/json" },
    '{"text_output":"' .. (found and "found" or "absent") .. '","finish_reason":"stop","index":0,"completion_tokens":1}'
  )
end
