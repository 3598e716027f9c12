-- Returns a part of the history. ARGV: 7 and 8 the position before it, 9 the largest age in ms, 10 how many to look at,
--       11 bytes after which a part ends
-- Reply: epoch, newest offset, the last offset that was looked at, then offsets and publications
local epoch, offset = topic()
keep()
local after = tonumber(ARGV[8])
local is_known = ARGV[7] == epoch or (ARGV[7] == '' and after == 0)
if not is_known or after > tonumber(offset) then return { epoch, offset, '' } end
local oldest = now() - tonumber(ARGV[9])
local reply = { epoch, offset, '' }
local looked_at, bytes = 0, 0
while looked_at < tonumber(ARGV[10]) and bytes < tonumber(ARGV[11]) do
  -- A few at a time, because a publication may be large.
  local entries = redis.call('XRANGE', KEYS[2], string.format('%.0f-0', after + 1), '+', 'COUNT', 8)
  for _, entry in ipairs(entries) do
    local at, time = string.match(entry[1], '^(%d+)-(%d+)$')
    after, reply[3] = tonumber(at), at
    if tonumber(time) > oldest then
      reply[#reply + 1] = at
      reply[#reply + 1] = entry[2][2]
      bytes = bytes + #entry[2][2]
    end
  end
  looked_at = looked_at + #entries
  if #entries < 8 then break end
end
return reply
