-- Returns the members that are present and who they are. KEYS: 1 leases, 2 members. ARGV: 1 the largest reply in bytes
local time = redis.call('TIME')
local now = string.format('(%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
local reply, bytes = {}, 0
for _, member in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], now, '+inf')) do
  local identity = redis.call('HGET', KEYS[2], member)
  if identity then
    bytes = bytes + #member + #identity
    if bytes > tonumber(ARGV[1]) then return redis.error_reply('TOOLARGE the topic has too many members for a list') end
    reply[#reply + 1] = member
    reply[#reply + 1] = identity
  end
end
return reply
