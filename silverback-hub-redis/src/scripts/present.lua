-- Returns the members that are present and who they are. KEYS: 1 leases, 2 members
local time = redis.call('TIME')
local now = string.format('(%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
local reply = {}
for _, member in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], now, '+inf')) do
  local identity = redis.call('HGET', KEYS[2], member)
  if identity then
    reply[#reply + 1] = member
    reply[#reply + 1] = identity
  end
end
return reply
